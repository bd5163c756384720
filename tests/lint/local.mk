TESTS += %D%/layers.sh
EXTRA_DIST += %D%/layers.sh %D%/macros.h
