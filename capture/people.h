/* people: the cameras as people read them, for --list. Main thread. */
#ifndef CAPTURE_PEOPLE_H
#define CAPTURE_PEOPLE_H

namespace capture
{

/* To stdout; returns the program's status: 1, with words on stderr, when there is none. */
int people_list();

} /* namespace capture */

#endif
