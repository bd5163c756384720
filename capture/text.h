/* text: foreign words into fields of fixed size. Any thread. */
#ifndef CAPTURE_TEXT_H
#define CAPTURE_TEXT_H

#include <cstddef>
#include <string>

namespace capture
{

/* Printable ASCII as it is, anything else as '?'; cut to what fits, with NUL. */
void copy_text(const std::string &from, char *to, size_t to_size);

/* Would copy_text() change nothing? */
bool fits_text(const std::string &text, size_t to_size);

} /* namespace capture */

#endif
