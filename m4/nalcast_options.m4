dnl The developer's and packager's switches of configure. Everything goes into *_CFLAGS of our own:
dnl CFLAGS, CPPFLAGS and LDFLAGS belong to whoever runs make.

dnl NALCAST_WITH_MODULE(name, pkg-config spec, description): --with-NAME=auto|yes|no
AC_DEFUN([NALCAST_WITH_MODULE], [
  m4_pushdef([UP], m4_toupper($1))dnl
  AC_ARG_WITH([$1],
    [AS_HELP_STRING([--with-$1=auto|yes|no], [build the $3 @<:@auto@:>@])],
    [], [with_$1=auto])
  use_$1=no
  AS_CASE([$with_$1],
    [no], [],
    [yes], [PKG_CHECK_MODULES(UP, [$2], [use_$1=yes])],
    [auto], [PKG_CHECK_MODULES(UP, [$2], [use_$1=yes], [use_$1=no])],
    [AC_MSG_ERROR([--with-$1 takes auto, yes or no, not '$with_$1'])])
  AM_CONDITIONAL([WITH_]UP, [test "x$use_$1" = xyes])
  AS_IF([test "x$use_$1" = xyes], [AC_DEFINE([WITH_]UP, [1], [Define to build the $3.])])
  m4_popdef([UP])dnl
])

dnl NALCAST_CHECK_CONVERT, to be called after turbojpeg's: what makes cameras' pictures those that
dnl encoders take. Built wherever its libraries are; libyuv has no .pc file in Debian.
AC_DEFUN([NALCAST_CHECK_CONVERT], [
  nalcast_missing=
  AS_IF([test "x$use_turbojpeg" != xyes],
    [nalcast_missing="$nalcast_missing libturbojpeg0-dev"])
  PKG_CHECK_MODULES([YUV], [libyuv], [], [
    AC_CHECK_HEADER([libyuv.h], [
      AC_CHECK_LIB([yuv], [YUY2ToI420], [YUV_LIBS=-lyuv],
        [nalcast_missing="$nalcast_missing libyuv-dev"])],
      [nalcast_missing="$nalcast_missing libyuv-dev"])])
  AS_IF([test -z "$nalcast_missing"], [use_convert=yes], [use_convert=no])
  AM_CONDITIONAL([WITH_CONVERT], [test "x$use_convert" = xyes])
  AS_IF([test "x$use_convert" = xyes],
    [AC_DEFINE([WITH_CONVERT], [1],
      [Define to convert pictures, and so to take those of nalcast-capture.])])
])

dnl NALCAST_WITH_V4L2: --with-v4l2=auto|yes|no, to be called after NALCAST_CHECK_CONVERT.
AC_DEFUN([NALCAST_WITH_V4L2], [
  AC_ARG_WITH([v4l2],
    [AS_HELP_STRING([--with-v4l2=auto|yes|no],
      [build the V4L2 cameras: needs libyuv and libturbojpeg @<:@auto@:>@])],
    [], [with_v4l2=auto])
  AS_CASE([$with_v4l2], [auto|yes|no], [],
    [AC_MSG_ERROR([--with-v4l2 takes auto, yes or no, not '$with_v4l2'])])
  use_v4l2=no
  AS_IF([test "x$with_v4l2" != xno], [
    AC_CHECK_HEADER([linux/videodev2.h], [], [nalcast_missing="$nalcast_missing linux-libc-dev"])
    AS_IF([test -z "$nalcast_missing"], [use_v4l2=yes],
      [test "x$with_v4l2" = xyes],
      [AC_MSG_ERROR([V4L2 cameras need (by Debian's names):$nalcast_missing])])])
  AM_CONDITIONAL([WITH_V4L2], [test "x$use_v4l2" = xyes])
  AS_IF([test "x$use_v4l2" = xyes],
    [AC_DEFINE([WITH_V4L2], [1], [Define to build the V4L2 cameras.])])
])

dnl NALCAST_WITH_LIBCAMERA: --with-libcamera=auto|yes|no, to be called after the sanitizers: the C++
dnl compiler must take their flags, too, and a missing one is no error unless libcamera is wanted.
AC_DEFUN([NALCAST_WITH_LIBCAMERA], [
  AC_ARG_WITH([libcamera],
    [AS_HELP_STRING([--with-libcamera=auto|yes|no],
      [build nalcast-capture, libcamera's cameras; needs C++17 @<:@auto@:>@])],
    [], [with_libcamera=auto])
  use_libcamera=no
  AS_CASE([$with_libcamera],
    [no], [],
    [yes], [PKG_CHECK_MODULES([LIBCAMERA], [libcamera >= 0.0.3], [use_libcamera=yes])],
    [auto], [PKG_CHECK_MODULES([LIBCAMERA], [libcamera >= 0.0.3], [use_libcamera=yes], [:])],
    [AC_MSG_ERROR([--with-libcamera takes auto, yes or no, not '$with_libcamera'])])
  AS_IF([test "x$use_libcamera" = xyes], [
    # Warnings are for our lines, not for those of its headers.
    LIBCAMERA_CFLAGS=`AS_ECHO([" $LIBCAMERA_CFLAGS"]) | $SED 's| -I| -isystem |g'`
    AC_LANG_PUSH([C++])
    AC_MSG_CHECKING([whether $CXX compiles C++17 against libcamera])
    nalcast_save_CXXFLAGS=$CXXFLAGS
    CXXFLAGS="$CXXFLAGS -std=c++17 $SAN_CFLAGS $LIBCAMERA_CFLAGS"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <libcamera/libcamera.h>]],
        [[if (auto all = libcamera::CameraManager().cameras(); all.empty()) return 1;]])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       AS_IF([test "x$with_libcamera" = xyes],
         [AC_MSG_ERROR([nalcast-capture needs a C++17 compiler (Debian: g++)])])
       use_libcamera=no])
    CXXFLAGS=$nalcast_save_CXXFLAGS
    AC_LANG_POP([C++])])
  AM_CONDITIONAL([WITH_LIBCAMERA], [test "x$use_libcamera" = xyes])
  AS_IF([test "x$use_libcamera" = xyes],
    [AC_DEFINE([WITH_LIBCAMERA], [1], [Define to build nalcast-capture.])])
])

dnl NALCAST_TRY_CFLAG(flag, variable): append flag to variable if the compiler takes it.
AC_DEFUN([NALCAST_TRY_CFLAG], [
  AS_VAR_PUSHDEF([cv], [nalcast_cv_cflag_$1])dnl
  AC_CACHE_CHECK([whether $CC accepts $1], [cv], [
    nalcast_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $1"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([cv], [yes])], [AS_VAR_SET([cv], [no])])
    CFLAGS=$nalcast_save_CFLAGS])
  AS_VAR_IF([cv], [yes], [$2="$$2 $1"])
  AS_VAR_POPDEF([cv])dnl
])

AC_DEFUN([NALCAST_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [fail on warnings])], [], [enable_werror=no])
  WARN_CFLAGS=
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
      -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wimplicit-fallthrough], [
    NALCAST_TRY_CFLAG(flag, [WARN_CFLAGS])])
  WARN_CXXFLAGS="-Wall -Wextra" # which every C++ compiler knows
  AS_IF([test "x$enable_werror" = xyes], [
    WARN_CFLAGS="$WARN_CFLAGS -Werror"
    WARN_CXXFLAGS="$WARN_CXXFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([WARN_CXXFLAGS])
])

AC_DEFUN([NALCAST_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
      [instrument with LIST @<:@address,undefined@:>@])], [], [enable_sanitizers=no])
  AS_CASE([$enable_sanitizers],
    [no], [nalcast_san=],
    [yes], [nalcast_san=address,undefined],
    [nalcast_san=$enable_sanitizers])
  SAN_CFLAGS=
  AS_IF([test -n "$nalcast_san"], [
    SAN_CFLAGS="-fsanitize=$nalcast_san -fno-sanitize-recover=all -fno-omit-frame-pointer -g"
    AC_MSG_CHECKING([that a program links with -fsanitize=$nalcast_san])
    nalcast_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS $SAN_CFLAGS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no]); AC_MSG_ERROR([the compiler has no -fsanitize=$nalcast_san])])
    CFLAGS=$nalcast_save_CFLAGS])
  AC_SUBST([SAN_CFLAGS])
])

AC_DEFUN([NALCAST_FUZZING], [
  AC_ARG_ENABLE([fuzzing],
    [AS_HELP_STRING([--enable-fuzzing], [build libFuzzer targets (needs clang)])],
    [], [enable_fuzzing=no])
  AC_ARG_VAR([FUZZ_ENGINE], [how fuzz targets are linked @<:@-fsanitize=fuzzer@:>@])
  AS_IF([test "x$enable_fuzzing" = xyes], [
    : ${FUZZ_ENGINE=-fsanitize=fuzzer}
    SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"
    nalcast_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [],
      [AC_MSG_ERROR([--enable-fuzzing needs clang: configure with CC=clang])])
    CFLAGS=$nalcast_save_CFLAGS])
  AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
])

AC_DEFUN([NALCAST_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [instrument for gcov])], [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [SAN_CFLAGS="$SAN_CFLAGS --coverage -g"])
])

dnl After NALCAST_SANITIZERS: the two do not mix.
AC_DEFUN([NALCAST_HARDENING], [
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [leave out the hardening flags])],
    [], [enable_hardening=yes])
  HARDEN_CFLAGS=
  HARDEN_LDFLAGS=
  AS_IF([test "x$enable_hardening" = xyes && test "x$enable_sanitizers" = xno], [
    m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection -fPIE],
      [NALCAST_TRY_CFLAG(flag, [HARDEN_CFLAGS])])
    HARDEN_LDFLAGS="-pie -Wl,-z,relro,-z,now"
    AS_CASE([" $CPPFLAGS $CFLAGS "], [*_FORTIFY_SOURCE*|*-O0*], [],
      [HARDEN_CFLAGS="$HARDEN_CFLAGS -D_FORTIFY_SOURCE=2"])])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
])

dnl NALCAST_DIR_FROM_PC(option, module, variable, what): --with-OPTION=DIR, else from pkg-config.
AC_DEFUN([NALCAST_DIR_FROM_PC], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [$4; 'no' for none @<:@from $2.pc@:>@])], [],
    [PKG_CHECK_VAR([with_$1], [$2], [$3], [], [with_$1=no])])
  AS_IF([test -z "$with_$1"], [with_$1=no])
  AC_SUBST([$1], [$with_$1])
])
