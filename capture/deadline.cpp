#include "capture/deadline.h"

#include <csignal>

#include <unistd.h>

namespace capture
{

/* The one thing that may be called here is what signal-safety(7) lists. */
static void give_up(int)
{
	static const char words[] = "nalcast-capture: libcamera does not answer: the end\n";
	ssize_t written = write(STDERR_FILENO, words, sizeof(words) - 1);

	static_cast<void>(written);
	_exit(1);
}

deadline::deadline(unsigned seconds)
{
	struct sigaction action = {};

	action.sa_handler = give_up;
	sigaction(SIGALRM, &action, nullptr);
	alarm(seconds);
}

deadline::~deadline()
{
	alarm(0);
}

} /* namespace capture */
