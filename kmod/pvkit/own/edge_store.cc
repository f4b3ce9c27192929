// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/own/edge_store.h"

#include "frontends/xenbus/xs_client.h"
#include "frontends/xenbus/xs_errors.h"

namespace
{

using pvk::xs::Client;
using pvk::xs::Header;
using pvk::xs::Part;
using pvk::xs::Request;
using pvk::xs::RequestState;
using pvk::xs::State;
using pvk::xs::Watch;
using pvk::xs::Watches;

constexpr bool same(int a, int b)
{
	return a == b;
}

static_assert(same(XS_DIRECTORY, PVK_WIRE_DIRECTORY));
static_assert(same(XS_CONTROL, PVK_WIRE_CONTROL));
static_assert(same(XS_READ, PVK_WIRE_READ));
static_assert(same(XS_WATCH, PVK_WIRE_WATCH));
static_assert(same(XS_UNWATCH, PVK_WIRE_UNWATCH));
static_assert(same(XS_TRANSACTION_START, PVK_WIRE_TRANSACTION_START));
static_assert(same(XS_TRANSACTION_END, PVK_WIRE_TRANSACTION_END));
static_assert(same(XS_WRITE, PVK_WIRE_WRITE));
static_assert(same(XS_MKDIR, PVK_WIRE_MKDIR));
static_assert(same(XS_RM, PVK_WIRE_RM));
static_assert(same(XS_WATCH_EVENT, PVK_WIRE_WATCH_EVENT));
static_assert(same(XS_ERROR, PVK_WIRE_ERROR));
static_assert(same(XS_RESUME, PVK_WIRE_RESUME));
static_assert(same(XS_RESET_WATCHES, PVK_WIRE_RESET_WATCHES));
static_assert(same(XENSTORE_PAYLOAD_MAX, PVK_WIRE_MAX_BODY));
static_assert(Watches::kMaxPath == PVK_WIRE_MAX_PATH);
static_assert(sizeof(Header) == sizeof(pvk_wire_header));
static_assert(offsetof(Header, len) == offsetof(pvk_wire_header, length));

static_assert(sizeof(Watch) == sizeof(pvk_wire_watch));
static_assert(offsetof(Watch, token) == offsetof(pvk_wire_watch, token));
static_assert(offsetof(Watch, missed) == offsetof(pvk_wire_watch, missed));
static_assert(sizeof(Part) == sizeof(pvk_wire_part));
static_assert(sizeof(Request) == sizeof(pvk_wire_request));
static_assert(offsetof(Request, transaction) == offsetof(pvk_wire_request, transaction));
static_assert(offsetof(Request, part_count) == offsetof(pvk_wire_request, part_count));
static_assert(offsetof(Request, capacity) == offsetof(pvk_wire_request, capacity));
static_assert(offsetof(Request, reply) == offsetof(pvk_wire_request, reply));
static_assert(offsetof(Request, error) == offsetof(pvk_wire_request, error));
static_assert(offsetof(Request, watch) == offsetof(pvk_wire_request, watch));
static_assert(offsetof(Request, state) == offsetof(pvk_wire_request, state));
static_assert(offsetof(Request, sent_again) == offsetof(pvk_wire_request, sent_again));
static_assert(static_cast<int>(RequestState::kDone) == PVK_WIRE_DONE);
static_assert(static_cast<int>(State::kReconnecting) == PVK_WIRE_RECONNECTING);
static_assert(static_cast<int>(State::kBroken) == PVK_WIRE_BROKEN);

Client &of(pvk_wire *wire)
{
	return *reinterpret_cast<Client *>(wire);
}

Request &of(pvk_wire_request *request)
{
	return *reinterpret_cast<Request *>(request);
}

Watch &of(pvk_wire_watch *watch)
{
	return *reinterpret_cast<Watch *>(watch);
}

} // namespace

extern "C" {

pvk_wire *pvk_wire_create(pvk_u32 first_id)
{
	void *const memory = pvk_alloc(sizeof(Client));
	if (memory == nullptr)
		return nullptr;
	return reinterpret_cast<pvk_wire *>(new (pvk::Place{memory}) Client(first_id));
}

void pvk_wire_destroy(pvk_wire *wire)
{
	if (wire == nullptr)
		return;
	of(wire).~Client();
	pvk_free(wire);
}

void pvk_wire_start(pvk_wire *wire, void *page)
{
	of(wire).start(static_cast<pvk::xs::Page *>(page));
}

void pvk_wire_close(pvk_wire *wire)
{
	of(wire).close();
}

void pvk_wire_reconnect(pvk_wire *wire)
{
	of(wire).reconnect();
}

void pvk_wire_suspend(pvk_wire *wire)
{
	of(wire).suspend();
}

void pvk_wire_resume(pvk_wire *wire, void *page)
{
	of(wire).resume(static_cast<pvk::xs::Page *>(page));
}

int pvk_wire_quiet(pvk_wire *wire)
{
	return of(wire).quiet() ? 1 : 0;
}

int pvk_wire_between_messages(pvk_wire *wire)
{
	return of(wire).between_messages() ? 1 : 0;
}

int pvk_wire_state(pvk_wire *wire)
{
	return static_cast<int>(of(wire).state());
}

int pvk_wire_wants_ticks(pvk_wire *wire)
{
	return of(wire).wants_ticks() ? 1 : 0;
}

void pvk_wire_tick(pvk_wire *wire, pvk_u32 patience)
{
	of(wire).tick(patience);
}

void pvk_wire_submit(pvk_wire *wire, pvk_wire_request *request)
{
	of(wire).submit(of(request));
}

void pvk_wire_abandon(pvk_wire *wire, pvk_wire_request *request)
{
	of(wire).abandon(of(request));
}

int pvk_wire_pump(pvk_wire *wire)
{
	const Client::Pumped pumped = of(wire).pump();
	return (pumped.moved ? PVK_WIRE_MOVED : 0) | (pumped.again ? PVK_WIRE_AGAIN : 0);
}

pvk_wire_request *pvk_wire_take_done(pvk_wire *wire)
{
	return reinterpret_cast<pvk_wire_request *>(of(wire).take_done());
}

void pvk_wire_add_watch(pvk_wire *wire, pvk_wire_watch *watch)
{
	of(wire).watches().add(of(watch));
}

void pvk_wire_remove_watch(pvk_wire *wire, pvk_wire_watch *watch)
{
	of(wire).watches().remove(of(watch));
}

int pvk_wire_events_wait(pvk_wire *wire)
{
	return of(wire).watches().waiting() ? 1 : 0;
}

pvk_wire_watch *pvk_wire_next_event(pvk_wire *wire, char *path)
{
	return reinterpret_cast<pvk_wire_watch *>(of(wire).watches().next_event(path));
}

const char *pvk_wire_error_name(int error)
{
	return pvk::xs::error_name(error);
}

void pvk_wire_counters(pvk_wire *wire, void (*show)(void *context, const char *name, pvk_u64 value),
		       void *context)
{
	const pvk::xs::Counters &counters = of(wire).counters();
	const struct {
		const char *name;
		pvk_u64 value;
	} lines[] = {
	    {"requests", counters.requests},
	    {"replies", counters.replies},
	    {"error_replies", counters.errors},
	    {"cut_replies", counters.cut},
	    {"abandoned", counters.abandoned},
	    {"late_replies", counters.late},
	    {"events", counters.events},
	    {"events_unknown", counters.events_unknown},
	    {"events_ended", of(wire).watches().ended()},
	    {"events_merged", of(wire).watches().lost()},
	    {"connections", counters.connections},
	    {"sent_again", counters.sent_again},
	    {"not_sent_again", counters.failed},
	    {"not_watched_again", counters.not_watched},
	    {"bytes_passed_over", counters.passed_over},
	    {"open_transactions", of(wire).open_transactions()},
	};
	for (const auto &line : lines)
		show(context, line.name, line.value);
	for (pvk::u32 i = 0; i < pvk::xs::kFaults; ++i)
		show(context, name_of(static_cast<pvk::xs::Fault>(i)), counters.faults[i]);
}

} // extern "C"
