# The camera laboratory: a small virtual machine with cameras that are programs. `make check-vm`
# builds and runs it; nothing here is part of `make check`.
vm_programs = %D%/clocks %D%/grab %D%/lend %D%/usbcam %D%/watch
if WITH_V4L2
vm_programs += %D%/formats
endif
EXTRA_PROGRAMS += $(vm_programs)
CLEANFILES += $(vm_programs)
CLEAN_LOCAL += check-vm.out

EXTRA_DIST += \
	%D%/boot \
	%D%/cases \
	%D%/check \
	%D%/debian.sh \
	%D%/guest \
	%D%/init \
	%D%/kernel \
	%D%/lib.sh \
	%D%/modules \
	%D%/pictures \
	%D%/session

vm_cppflags = $(AM_CPPFLAGS) $(TURBOJPEG_CFLAGS)
vm_ldadd = streamer/libstreamer.a $(common_libs) $(streamer_libs)

%C%_clocks_SOURCES = %D%/clocks.c
%C%_clocks_LDADD = $(vm_ldadd)

%C%_formats_SOURCES = %D%/formats.c streamer/backends.c
%C%_formats_CPPFLAGS = $(AM_CPPFLAGS)
%C%_formats_LDADD = $(vm_ldadd)

%C%_grab_SOURCES = %D%/grab.c
%C%_grab_CPPFLAGS = $(vm_cppflags)
%C%_grab_LDADD = $(vm_ldadd) $(TURBOJPEG_LIBS)

%C%_lend_SOURCES = %D%/lend.c
%C%_lend_LDADD = $(common_libs)

%C%_usbcam_SOURCES = \
	%D%/camera.c %D%/camera.h \
	%D%/device.c %D%/device.h \
	%D%/usbcam.c \
	%D%/usbip.c %D%/usbip.h \
	%D%/uvc.c %D%/uvc.h \
	%D%/uvc_descriptors.c %D%/uvc_descriptors.h
%C%_usbcam_CPPFLAGS = $(vm_cppflags)
%C%_usbcam_LDADD = $(vm_ldadd) $(TURBOJPEG_LIBS)

%C%_watch_SOURCES = %D%/watch.c
%C%_watch_LDADD = $(vm_ldadd)

# A unit test that also runs on the kernel's own encoder.
vm_tests =
if HAVE_CMOCKA
if WITH_V4L2
vm_tests += tests/unit/test_m2m
endif
endif

.PHONY: check-vm vm-programs
vm-programs: $(vm_programs) $(vm_libcamera) $(vm_tests) streamer/nalcastd
check-vm: vm-programs
	$(AM_V_at)$(srcdir)/%D%/check $(abs_builddir) $(abs_builddir)/check-vm.out
