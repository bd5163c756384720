noinst_LIBRARIES += %D%/libcommon.a
%C%_libcommon_a_SOURCES = \
	%D%/camname.c %D%/camname.h \
	%D%/ctlproto.c %D%/ctlproto.h \
	%D%/error.c %D%/error.h \
	%D%/etag.c %D%/etag.h \
	%D%/jsonscan.c %D%/jsonscan.h \
	%D%/log.c %D%/log.h \
	%D%/origin.c %D%/origin.h \
	%D%/unixsock.c %D%/unixsock.h \
	%D%/util.c %D%/util.h
%C%_libcommon_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(NETTLE_CFLAGS)
common_libs = common/libcommon.a $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(NETTLE_LIBS)
