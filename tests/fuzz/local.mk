# Each target is fuzz_NAME.c with its corpus in corpus/NAME. With --enable-fuzzing they are linked
# with the engine; without it with replay.c, and `make check` runs the corpus through them.
fuzz_ldadd = streamer/libstreamer.a $(common_libs) $(streamer_libs)
fuzz_programs = \
	%D%/fuzz_capproto \
	%D%/fuzz_ctlproto \
	%D%/fuzz_etag \
	%D%/fuzz_http \
	%D%/fuzz_jsonscan \
	%D%/fuzz_mjpeg \
	%D%/fuzz_nal \
	%D%/fuzz_photo \
	%D%/fuzz_splitter \
	%D%/fuzz_sps \
	%D%/fuzz_viewmsg \
	%D%/fuzz_ws

if WITH_FCGI
fuzz_programs += %D%/fuzz_fcgi_request
endif

if WITH_CONVERT
fuzz_programs += %D%/fuzz_convert
endif

EXTRA_DIST += %D%/corpus %D%/fuzz.h

if FUZZING
noinst_PROGRAMS += $(fuzz_programs)
fuzz_ldflags = $(AM_LDFLAGS) $(FUZZ_ENGINE)
fuzz_driver =
else
check_PROGRAMS += $(fuzz_programs)
TESTS += $(fuzz_programs)
fuzz_ldflags = $(AM_LDFLAGS)
fuzz_driver = %D%/libreplay.a
check_LIBRARIES = %D%/libreplay.a
%C%_libreplay_a_SOURCES = %D%/replay.c
%C%_libreplay_a_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS_DIR='"$(abs_top_srcdir)/%D%/corpus"'
endif

%C%_fuzz_capproto_SOURCES = %D%/fuzz_capproto.c
%C%_fuzz_capproto_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_capproto_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_capproto_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_convert_SOURCES = %D%/fuzz_convert.c
%C%_fuzz_convert_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_convert_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_convert_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_ctlproto_SOURCES = %D%/fuzz_ctlproto.c
%C%_fuzz_ctlproto_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fuzz_ctlproto_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_ctlproto_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_etag_SOURCES = %D%/fuzz_etag.c
%C%_fuzz_etag_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fuzz_etag_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_etag_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_http_SOURCES = %D%/fuzz_http.c
%C%_fuzz_http_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_http_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_http_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_jsonscan_SOURCES = %D%/fuzz_jsonscan.c
%C%_fuzz_jsonscan_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fuzz_jsonscan_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_jsonscan_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_mjpeg_SOURCES = %D%/fuzz_mjpeg.c
%C%_fuzz_mjpeg_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_mjpeg_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_mjpeg_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_nal_SOURCES = %D%/fuzz_nal.c
%C%_fuzz_nal_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_nal_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_nal_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_photo_SOURCES = %D%/fuzz_photo.c
%C%_fuzz_photo_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_photo_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_photo_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_splitter_SOURCES = %D%/fuzz_splitter.c
%C%_fuzz_splitter_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_splitter_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_splitter_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_sps_SOURCES = %D%/fuzz_sps.c
%C%_fuzz_sps_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_sps_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_sps_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_viewmsg_SOURCES = %D%/fuzz_viewmsg.c
%C%_fuzz_viewmsg_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fuzz_viewmsg_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_viewmsg_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_ws_SOURCES = %D%/fuzz_ws.c
%C%_fuzz_ws_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_ws_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_ws_LDADD = $(fuzz_driver) $(fuzz_ldadd)

%C%_fuzz_fcgi_request_SOURCES = %D%/fuzz_fcgi_request.c
%C%_fuzz_fcgi_request_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fuzz_fcgi_request_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_fcgi_request_LDADD = $(fuzz_driver) fcgi/libnalcastfcgi.a $(common_libs)
