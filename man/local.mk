dist_man_MANS += %D%/nalcastd.8 %D%/nalcast.conf.5 %D%/nalcast-stream.7
dist_man_MANS += %D%/nalcast-api.7
if WITH_FCGI
dist_man_MANS += %D%/nalcast-fcgi.8
endif
if WITH_LIBCAMERA
dist_man_MANS += %D%/nalcast-capture.8
endif
