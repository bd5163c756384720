libexec_PROGRAMS += %D%/nalcast-fcgi
%C%_nalcast_fcgi_SOURCES = %D%/main.c
%C%_nalcast_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(FCGI_CFLAGS)
%C%_nalcast_fcgi_LDADD = $(common_libs) $(FCGI_LIBS)
