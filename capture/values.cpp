#include "capture/values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace libcamera;

namespace capture
{

const ControlId *values_find(const ControlInfoMap &map, const char *name,
			     const ControlInfo **ret_info)
{
	for (const auto &entry : map) {
		if (entry.first->name() != name)
			continue;
		if (ret_info != nullptr)
			*ret_info = &entry.second;
		return entry.first;
	}
	return nullptr;
}

template <typename T> static bool element(const ControlValue &value, unsigned i, double *ret_number)
{
	T number;
	unsigned at = value.numElements() > i ? i : 0;

	if (value.data().size() < (at + 1) * sizeof(number))
		return false;
	memcpy(&number, value.data().data() + at * sizeof(number), sizeof(number));
	*ret_number = static_cast<double>(number);
	return true;
}

bool values_number(const ControlValue &value, unsigned i, double *ret_number)
{
	switch (value.type()) {
	case ControlTypeBool:
	case ControlTypeByte:
		return element<uint8_t>(value, i, ret_number);
	case ControlTypeInteger32:
		return element<int32_t>(value, i, ret_number);
	case ControlTypeInteger64:
		return element<int64_t>(value, i, ret_number);
	case ControlTypeFloat:
		return element<float>(value, i, ret_number) && std::isfinite(*ret_number);
	default:
		return false;
	}
}

ControlValue values_make(const ControlId &id, double number)
{
	switch (id.type()) {
	case ControlTypeBool:
		return ControlValue(number != 0);
	case ControlTypeByte:
		return ControlValue(static_cast<uint8_t>(std::clamp(number, 0.0, 255.0)));
	case ControlTypeInteger32:
		return ControlValue(static_cast<int32_t>(
			std::lround(std::clamp<double>(number, INT32_MIN, INT32_MAX))));
	case ControlTypeInteger64:
		return ControlValue(static_cast<int64_t>(std::llround(number)));
	case ControlTypeFloat:
		return ControlValue(static_cast<float>(number));
	default:
		return ControlValue();
	}
}

ControlValue values_make_pair(double first, double second)
{
	const float pair[2] = {static_cast<float>(first), static_cast<float>(second)};

	return ControlValue(Span<const float, 2>(pair));
}

bool values_allow(const ControlInfo &info, const ControlValue &value)
{
	const auto &values = info.values();

	return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

} /* namespace capture */
