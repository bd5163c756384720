# What tests run besides our programs.
check_PROGRAMS += %D%/nals
EXTRA_DIST += %D%/scripts.sh
TESTS += %D%/scripts.sh

%C%_fake_nalcastd_SOURCES = %D%/fake_nalcastd.c
%C%_fake_nalcastd_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fake_nalcastd_LDADD = $(common_libs)

# Built with everything else: ws_echo is there for other people's conformance suites, too, and the
# tests of the whole chain have a nalcastd that answers what a real one seldom does.
noinst_PROGRAMS += %D%/fake_nalcastd %D%/ws_echo
%C%_ws_echo_SOURCES = %D%/ws_echo.c
%C%_ws_echo_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

%C%_nals_SOURCES = %D%/nals.c
%C%_nals_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

# A nalcast-capture that does as the test says.
if WITH_CONVERT
noinst_PROGRAMS += %D%/fake_capture
endif
%C%_fake_capture_SOURCES = %D%/fake_capture.c
%C%_fake_capture_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

# What a camera's colours become.
if WITH_CONVERT
if WITH_X264
noinst_PROGRAMS += %D%/patches
endif
endif
%C%_patches_SOURCES = %D%/patches.c
%C%_patches_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)
