# What tests run besides our programs.
check_PROGRAMS += %D%/fake_nalcastd

%C%_fake_nalcastd_SOURCES = %D%/fake_nalcastd.c
%C%_fake_nalcastd_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_fake_nalcastd_LDADD = $(common_libs)
