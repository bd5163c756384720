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

# Of its parts, without a camera: with whatever libcamera this machine has.
if WITH_LIBCAMERA
check_PROGRAMS += %D%/test_capture
TESTS += %D%/test_capture
%C%_test_capture_SOURCES = %D%/test_capture.cpp
%C%_test_capture_CPPFLAGS = $(capture_cppflags)
%C%_test_capture_CXXFLAGS = $(capture_cxxflags)
%C%_test_capture_LDADD = $(capture_libs)
else
EXTRA_DIST += %D%/test_capture.cpp
endif

# What the camera laboratory has of it, too.
vm_libcamera =
if WITH_LIBCAMERA
vm_libcamera += capture/nalcast-capture %D%/lend
endif

.PHONY: check-libcamera libcamera-programs
libcamera-programs: capture/nalcast-capture streamer/nalcastd $(libcamera_programs) tests/vm/watch \
	%D%/test_capture %D%/udmabuf.so
check-libcamera:
	$(AM_V_at)$(srcdir)/%D%/check $(abs_builddir)/check-libcamera.out trixie
	$(AM_V_at)$(srcdir)/%D%/check $(abs_builddir)/check-libcamera.out sid
