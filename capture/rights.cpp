#include "capture/rights.h"

#include <cerrno>
#include <cstring>

#include <linux/capability.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

#define SUBSYSTEM "rights"

namespace capture
{

static void tell(long result, const char *what)
{
	if (result < 0)
		log_info(SUBSYSTEM, "%s: %s", what, strerror(errno));
}

/* glibc has no call for this one, and libcap is not worth a library. */
static long capset_none()
{
	struct __user_cap_header_struct header = {};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	header.version = _LINUX_CAPABILITY_VERSION_3;
	return syscall(SYS_capset, &header, data);
}

/* The bounding set needs CAP_SETPCAP; who has not even that has none to lose by exec, for there
 * are no new rights. */
static void drop_capabilities()
{
	tell(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities stay");
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	tell(capset_none(), "capabilities stay");
}

/* No PR_SET_PDEATHSIG: it is sent when the parent's *thread* ends, and nalcastd looks for cameras
 * on threads that come and go. The end of the socket says the same of the process. */
void rights_drop(int fd_max)
{
	struct rlimit none = {};

	tell(syscall(SYS_close_range, fd_max + 1, ~0U, 0), "descriptors stay open");
	tell(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "new rights stay possible");
	/* libcamera aborts when cameras vanish; the picture of its memory would help nobody. */
	tell(setrlimit(RLIMIT_CORE, &none), "core files stay possible");
	drop_capabilities();
}

} /* namespace capture */
