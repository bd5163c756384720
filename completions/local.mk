if WITH_BASH_COMPLETION
dist_bashcompletion_DATA = %D%/nalcastd
else
EXTRA_DIST += %D%/nalcastd
endif
