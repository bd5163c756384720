#include "capture/text.h"

#include <algorithm>

namespace capture
{

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

void copy_text(const std::string &from, char *to, size_t to_size)
{
	size_t size = std::min(from.size(), to_size - 1);

	std::transform(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size), to,
		       [](char c) { return is_printable(c) ? c : '?'; });
	to[size] = '\0';
}

bool fits_text(const std::string &text, size_t to_size)
{
	return text.size() < to_size && std::all_of(text.begin(), text.end(), is_printable);
}

} /* namespace capture */
