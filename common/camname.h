/* camname: what a camera may be called. Its name is a part of paths and URLs. Pure. */
#ifndef COMMON_CAMNAME_H
#define COMMON_CAMNAME_H

#include <stdbool.h>

#define CAMNAME_MAX  32 /* letters */
#define CAMNAME_MAIN "main"

/* 1 to 32 of a-z, 0-9 and '-', and none of the names that mean something else in a URL. */
bool camname_is_valid(const char *name);

#endif
