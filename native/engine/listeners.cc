#include "engine/listeners.h"

#include <algorithm>

#include "base/limits.h"

namespace connscale {

// The poller finds it by its address, which leaves the low 6 bits free.
struct alignas(64) Listeners::Listener {
  platform::Listener io;
  AcceptPolicy policy;
  AcceptFor purpose = AcceptFor::kKeeping;  // of the limit in force
  bool open = false;
  uint16_t idle_ticks = 0;
  uint32_t handlers = 0;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t failures = 0;
  int32_t last_failure = 0;
};

Listeners::Listeners(platform::Poller& poller, Counters& counters) noexcept : poller_(poller), counters_(counters) {}

Listeners::~Listeners() = default;

bool Listeners::is_open(uint32_t index) const noexcept { return index < listeners_.size() && listeners_[index]->open; }

Result<SocketAddress> Listeners::open(const ListenerConfig& config, uint32_t* index) {
  const auto free = static_cast<uint32_t>(
      std::ranges::find_if(listeners_, [](const auto& one) { return !one->open && one->policy.open() == 0; }) -
      listeners_.begin());
  if (free == kListenersMax) return SysError{error::kEMFILE, Call::kNone};
  if (free == listeners_.size()) listeners_.push_back(std::make_unique<Listener>());
  Listener& listener = *listeners_[free];
  listener = Listener{};
  Result<SocketAddress> address = poller_.listen(listener.io, config.spec, free);
  if (!address.ok()) return address;
  listener.policy = AcceptPolicy(config.accept);
  listener.handlers = config.handlers;
  listener.idle_ticks = config.idle_ticks;
  listener.open = true;
  *index = free;
  return address;
}

bool Listeners::close(uint32_t index) noexcept {
  if (!is_open(index)) return false;
  listeners_[index]->open = false;
  poller_.close(listeners_[index]->io);
  return true;
}

void Listeners::close_all() noexcept {
  for (uint32_t i = 0; i < listeners_.size(); ++i)
    close(i);
}

bool Listeners::report(uint32_t index, ListenerReport* report) const noexcept {
  if (!is_open(index)) return false;
  const Listener& listener = *listeners_[index];
  *report = ListenerReport{listener.accepted,
                           listener.rejected,
                           listener.failures,
                           listener.policy.pauses(),
                           listener.policy.open(),
                           listener.last_failure,
                           platform::queue_depth(listener.io)};
  return true;
}

void Listeners::set_limits(uint32_t room, uint64_t now_ms) noexcept {
  for (const auto& listener : listeners_) {
    if (listener->open) set_limit(*listener, room, now_ms);
  }
}

void Listeners::set_limit(Listener& listener, uint32_t room, uint64_t now_ms) noexcept {
  const uint64_t pauses = listener.policy.pauses();
  const AcceptPolicy::Offer offer = listener.policy.offer(room, now_ms);
  counters_.acceptPauses += listener.policy.pauses() - pauses;
  listener.purpose = offer.purpose;
  const Result<void> set = poller_.accept(listener.io, offer.limit, offer.purpose);
  if (set.ok()) return;
  count_failure(listener, set.failure().code);
  listener.policy.on_exhausted(now_ms);
}

bool Listeners::admits(uint32_t index) noexcept {
  Listener& listener = *listeners_[index];
  if (listener.purpose == AcceptFor::kKeeping) return true;
  ++listener.rejected;
  ++counters_.rejected;
  return false;
}

Listeners::Terms Listeners::on_open(uint32_t index) noexcept {
  Listener& listener = *listeners_[index];
  listener.policy.on_open();
  ++listener.accepted;
  ++counters_.accepted;
  return {listener.handlers, listener.idle_ticks};
}

void Listeners::on_close(uint32_t index) noexcept { listeners_[index]->policy.on_close(); }

void Listeners::on_failure(uint32_t index, int32_t code, uint64_t now_ms) noexcept {
  Listener& listener = *listeners_[index];
  count_failure(listener, code);
  // The peer went away while it was queued, or a filter refused it (accept(2)): the next one may do better.
  const bool lasting = code == error::kEMFILE || code == error::kENFILE || code == error::kENOBUFS ||
                       code == error::kENOMEM || code == error::kENOSPC;
  if (!lasting) return;
  const bool descriptors = code == error::kEMFILE || code == error::kENFILE;
  if (descriptors && shed(listener)) return;
  listener.policy.on_exhausted(now_ms);
}

void Listeners::count_failure(Listener& listener, int32_t code) noexcept {
  ++listener.failures;
  ++counters_.acceptFailures;
  listener.last_failure = code;
}

bool Listeners::shed(Listener& listener) noexcept {
  if (listener.policy.overload() != Overload::kReset) return false;
  const uint32_t shed = poller_.shed(listener.io, listener.policy.batch());
  listener.rejected += shed;
  counters_.rejected += shed;
  return shed > 0;
}

void Listeners::on_descriptor_freed() noexcept {
  for (const auto& listener : listeners_)
    listener->policy.on_descriptor_freed();
}

uint64_t Listeners::next_retry_ms() const noexcept {
  uint64_t next = UINT64_MAX;
  for (const auto& listener : listeners_) {
    if (listener->open && listener->policy.retry_at_ms() != 0) next = std::min(next, listener->policy.retry_at_ms());
  }
  return next;
}

}  // namespace connscale
