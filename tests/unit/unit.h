/* unit: cmocka with the headers it forgets to include, and the helper all parsers' tests share. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNUSED_STATE(state) ((void)(state))

#endif
