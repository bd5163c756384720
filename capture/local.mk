# nalcast-capture: the only C++, and the only program that knows libcamera. It takes capproto's C
# from the daemon's archive, so both programs check messages by the same code.
capture_sources = \
	%D%/buffers.cpp %D%/buffers.h \
	%D%/cameras.cpp %D%/cameras.h \
	%D%/compat.h \
	%D%/controls.cpp %D%/controls.h \
	%D%/deadline.cpp %D%/deadline.h \
	%D%/formats.cpp %D%/formats.h \
	%D%/inbox.cpp %D%/inbox.h \
	%D%/liblog.cpp %D%/liblog.h \
	%D%/people.cpp %D%/people.h \
	%D%/rights.cpp %D%/rights.h \
	%D%/server.cpp %D%/server.h \
	%D%/session.cpp %D%/session.h \
	%D%/text.cpp %D%/text.h \
	%D%/values.cpp %D%/values.h \
	%D%/wire.cpp %D%/wire.h

capture_cppflags = $(AM_CPPFLAGS) $(LIBCAMERA_CFLAGS)
capture_cxxflags = -std=c++17 $(AM_CXXFLAGS)
capture_libs = capture/libcapture.a streamer/libstreamer.a common/libcommon.a $(LIBCAMERA_LIBS)

if WITH_LIBCAMERA
noinst_LIBRARIES += %D%/libcapture.a
%C%_libcapture_a_SOURCES = $(capture_sources)
%C%_libcapture_a_CPPFLAGS = $(capture_cppflags)
%C%_libcapture_a_CXXFLAGS = $(capture_cxxflags)
libexec_PROGRAMS += %D%/nalcast-capture
%C%_nalcast_capture_SOURCES = %D%/main.cpp
%C%_nalcast_capture_CPPFLAGS = $(capture_cppflags)
%C%_nalcast_capture_CXXFLAGS = $(capture_cxxflags)
%C%_nalcast_capture_LDADD = $(capture_libs)
else
EXTRA_DIST += $(capture_sources) %D%/main.cpp
endif
