# nalcast-capture and a real libcamera, without a camera: `make check-libcamera` builds and runs it
# in a chroot; nothing here is part of `make check`.
libcamera_programs = %D%/drive %D%/lend
EXTRA_PROGRAMS += $(libcamera_programs)
CLEANFILES += $(libcamera_programs) %D%/udmabuf.so
CLEAN_LOCAL += check-libcamera.out

EXTRA_DIST += %D%/check %D%/daemon %D%/root %D%/udmabuf.c %D%/virtual.yaml

%C%_drive_SOURCES = %D%/drive.c %D%/peer.c %D%/peer.h
%C%_drive_LDADD = streamer/libstreamer.a $(common_libs)

%C%_lend_SOURCES = %D%/lend.c %D%/peer.c %D%/peer.h
%C%_lend_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

# Loaded into a program before everything else: without the flags of our own.
%D%/udmabuf.so: %D%/udmabuf.c
	$(AM_V_CC)$(MKDIR_P) %D% && \
		$(CC) -D_GNU_SOURCE $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/%D%/udmabuf.c

# What the camera laboratory has of it, too.
vm_libcamera =
if WITH_LIBCAMERA
vm_libcamera += capture/nalcast-capture %D%/lend
endif

.PHONY: check-libcamera libcamera-programs
libcamera-programs: capture/nalcast-capture streamer/nalcastd $(libcamera_programs) tests/vm/watch \
	%D%/udmabuf.so
check-libcamera:
	$(AM_V_at)$(srcdir)/%D%/check $(abs_builddir)/check-libcamera.out trixie
	$(AM_V_at)$(srcdir)/%D%/check $(abs_builddir)/check-libcamera.out sid
