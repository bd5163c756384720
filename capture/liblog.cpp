#include "capture/liblog.h"

#include <ostream>
#include <streambuf>

#include <libcamera/libcamera.h>
#include <libcamera/logging.h>

#define SUBSYSTEM "libcamera"

namespace capture
{

static const struct {
	const char *word;
	enum log_level level;
} levels[] = {
	{"FATAL ", LOG_LEVEL_ERROR}, {"ERROR ", LOG_LEVEL_WARN},  {"WARN ", LOG_LEVEL_DEBUG},
	{"INFO ", LOG_LEVEL_DEBUG},  {"DEBUG ", LOG_LEVEL_DEBUG},
};

/* It calls these errors, and each camera has them at every start or unplug. */
static const char *const noise[] = {
	"Could not find parameter buffer", "Removing media device",
	"Unsupported V4L2 pixel format",   "not found in the sensor properties database",
	"Rotation control not available",
};

static bool is_noise(const std::string &words)
{
	for (const char *known : noise)
		if (words.find(known) != std::string::npos)
			return true;
	return false;
}

/* Without "[time]", "[thread]" and blanks. */
static size_t skip_head(const std::string &line)
{
	size_t at = 0;

	while (at < line.size() && (line[at] == ' ' || line[at] == '[')) {
		size_t end = line[at] == '[' ? line.find(']', at) : at;
		if (end == std::string::npos)
			break;
		at = end + 1;
	}
	return at;
}

liblog_line liblog_parse(const std::string &line)
{
	liblog_line parsed = {LOG_LEVEL_DEBUG, line.substr(skip_head(line))};

	for (const auto &level : levels) {
		if (parsed.words.rfind(level.word, 0) != 0)
			continue;
		parsed.level = level.level;
		parsed.words.erase(0, std::string(level.word).size());
		break;
	}
	size_t place = parsed.words.find(".cpp:");
	if (place != std::string::npos) {
		size_t begin = parsed.words.rfind(' ', place);
		size_t end = parsed.words.find(' ', place);
		if (begin != std::string::npos && end != std::string::npos)
			parsed.words.replace(begin, end - begin, ":");
	}
	if (parsed.level == LOG_LEVEL_WARN && is_noise(parsed.words))
		parsed.level = LOG_LEVEL_DEBUG;
	return parsed;
}

namespace
{

class line_buffer : public std::streambuf
{
protected:
	std::streamsize xsputn(const char *text, std::streamsize size) override
	{
		for (std::streamsize i = 0; i < size; i++)
			put(text[i]);
		return size;
	}
	int overflow(int c) override
	{
		if (c != traits_type::eof())
			put(static_cast<char>(c));
		return 0;
	}

private:
	static void put(char c)
	{
		static thread_local std::string line;

		if (c != '\n') {
			line += c;
			return;
		}
		liblog_line parsed = liblog_parse(line);
		log_write(parsed.level, SUBSYSTEM, "%s", parsed.words.c_str());
		line.clear();
	}
};

} /* namespace */

/* Neither is ever freed: libcamera's threads may write until the process is gone. */
void liblog_start()
{
	static std::streambuf &lines = *new line_buffer;
	static std::ostream &stream = *new std::ostream(&lines);

	libcamera::logSetStream(&stream);
}

} /* namespace capture */
