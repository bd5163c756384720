check_PROGRAMS += %D%/test_hub_model
TESTS += %D%/test_hub_model
%C%_test_hub_model_SOURCES = %D%/test_hub_model.c %D%/naive_hub.c %D%/naive_hub.h
%C%_test_hub_model_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=au_unref
%C%_test_hub_model_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)
