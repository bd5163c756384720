noinst_LIBRARIES += %D%/libnalcastfcgi.a
%C%_libnalcastfcgi_a_SOURCES = \
	%D%/api.c %D%/api.h \
	%D%/ctlclient.c %D%/ctlclient.h \
	%D%/fields.c %D%/fields.h \
	%D%/options.c %D%/options.h \
	%D%/request.c %D%/request.h \
	%D%/response.c %D%/response.h \
	%D%/server.c %D%/server.h
%C%_libnalcastfcgi_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(FCGI_CFLAGS)

libexec_PROGRAMS += %D%/nalcast-fcgi
%C%_nalcast_fcgi_SOURCES = %D%/main.c
%C%_nalcast_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_nalcast_fcgi_LDADD = %D%/libnalcastfcgi.a $(common_libs) $(FCGI_LIBS)
