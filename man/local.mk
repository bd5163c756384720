dist_man_MANS += %D%/nalcastd.8 %D%/nalcast.conf.5 %D%/nalcast-stream.7
