# Measures, by `make bench` only: nothing is installed, nothing asserted.
EXTRA_PROGRAMS = %D%/bench_split
CLEANFILES += $(EXTRA_PROGRAMS)
CLEAN_LOCAL += bench

%C%_bench_split_SOURCES = %D%/bench_split.c
%C%_bench_split_CPPFLAGS = $(AM_CPPFLAGS)
%C%_bench_split_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

samples_dir = $${NALCAST_SAMPLES:-$(abs_top_srcdir)/../shared/samples}

.PHONY: bench
bench: $(EXTRA_PROGRAMS)
	$(AM_V_at)$(MKDIR_P) bench
	$(AM_V_at)%D%/bench_split bench/split.json "$(samples_dir)"
