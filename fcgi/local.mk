noinst_LIBRARIES += %D%/libnalcastfcgi.a
%C%_libnalcastfcgi_a_SOURCES = \
	%D%/api.c %D%/api.h \
	%D%/ask.c %D%/ask.h \
	%D%/cameras.c %D%/cameras.h \
	%D%/clock.c %D%/clock.h \
	%D%/ctlclient.c %D%/ctlclient.h \
	%D%/endpoints.c %D%/endpoints.h \
	%D%/fields.c %D%/fields.h \
	%D%/openapi.c %D%/openapi.h \
	%D%/options.c %D%/options.h \
	%D%/request.c %D%/request.h \
	%D%/response.c %D%/response.h \
	%D%/server.c %D%/server.h \
	%D%/survey.c %D%/survey.h
%C%_libnalcastfcgi_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(FCGI_CFLAGS)

# The description of the API as an array, by what every system has.
EXTRA_DIST += %D%/openapi.json
CLEANFILES += %D%/openapi.inc
%D%/libnalcastfcgi_a-openapi.$(OBJEXT): %D%/openapi.inc
%D%/openapi.inc: %D%/openapi.json
	$(AM_V_GEN)$(MKDIR_P) $(@D) && od -A n -v -t x1 $< | \
		$(SED) 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' > $@.tmp && mv -f $@.tmp $@

libexec_PROGRAMS += %D%/nalcast-fcgi
%C%_nalcast_fcgi_SOURCES = %D%/main.c
%C%_nalcast_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_nalcast_fcgi_LDADD = %D%/libnalcastfcgi.a $(common_libs) $(FCGI_LIBS)
