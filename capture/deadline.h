/* deadline: libcamera's calls may hang, and nalcastd, which would kill us, may be dead by then. So
 * while one of these lives the program ends by itself when its time is up. One at a time; main
 * thread. */
#ifndef CAPTURE_DEADLINE_H
#define CAPTURE_DEADLINE_H

namespace capture
{

class deadline
{
public:
	explicit deadline(unsigned seconds);
	~deadline();
	deadline(const deadline &) = delete;
	deadline &operator=(const deadline &) = delete;
};

} /* namespace capture */

#endif
