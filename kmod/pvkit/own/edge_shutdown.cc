// SPDX-License-Identifier: GPL-2.0-only
// The shutdown half of edge_services.h.
#include "kmod/pvkit/own/edge_services.h"
#include "pvops/shutdown_control.h"

namespace
{

using pvk::ControlRequest;
using pvk::Error;
using pvk::Result;
using pvk::Span;
using pvk::Status;

static_assert(static_cast<int>(ControlRequest::kNone) == PVK_CONTROL_NONE);
static_assert(static_cast<int>(ControlRequest::kPoweroff) == PVK_CONTROL_POWEROFF);
static_assert(static_cast<int>(ControlRequest::kUnknown) == PVK_CONTROL_UNKNOWN);

Status status_of(int result)
{
	if (result >= 0)
		return {};
	if (result == -PVK_EAGAIN)
		return Error::kBusy;
	return result == -PVK_ENOENT ? Error::kMissing : Error::kXenstore;
}

/* xenstore's directory control/, as ControlStore wants it. */
class Store
{
      public:
	Status begin()
	{
		return status_of(pvk_control_begin(&transaction_));
	}
	Result<size_t> read(const char *key, Span<char> buffer)
	{
		const int length =
		    pvk_control_read(transaction_, key, buffer.data(), buffer.size());
		PVK_TRY(status_of(length));
		return static_cast<size_t>(length);
	}
	Status write(const char *key, const char *value)
	{
		return status_of(pvk_control_write(transaction_, key, value));
	}
	Status end(bool commit)
	{
		return status_of(pvk_control_end(transaction_, commit ? 1 : 0));
	}

      private:
	pvk_u32 transaction_ = 0;
};

static_assert(pvk::ControlStore<Store>);

} // namespace

extern "C" {

int pvk_control_take(char word[PVK_CONTROL_WORD])
{
	Store store;
	const Span<char> buffer(word, PVK_CONTROL_WORD - 1);
	const bool going_down = pvk_control_going_down() != 0;
	const auto wanted = [going_down](Span<char> text) {
		return pvk::is_taken(pvk::parse_control_request({text.data(), text.size()}),
				     going_down);
	};
	const Result<size_t> length = pvk::take_text(store, "shutdown", buffer, wanted);
	word[length.value_or(0)] = '\0';
	if (!length.ok())
		return pvk::to_errno(length.error());
	const ControlRequest request = pvk::parse_control_request({word, length.value()});
	return static_cast<int>(pvk::answer_to(request, going_down));
}

int pvk_control_take_sysrq(void)
{
	Store store;
	char text[8] = {};
	const auto any = [](Span<char>) { return true; };
	const Result<size_t> length = pvk::take_text(store, "sysrq", Span<char>(text), any);
	if (!length.ok())
		return pvk::to_errno(length.error());
	return pvk::parse_sysrq({text, length.value()});
}

} // extern "C"
