# The camera laboratory: a small virtual machine, for what only a kernel can show.
EXTRA_DIST += %D%/boot %D%/init %D%/kernel %D%/session
