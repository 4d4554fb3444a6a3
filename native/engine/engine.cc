#include "engine/engine.h"

#include <algorithm>
#include <cassert>
#include <new>

namespace connscale {

struct alignas(64) Engine::ListenerSlot {
  platform::Listener io;
  AcceptPolicy policy;
  uint32_t handlers = 0;
  uint16_t idle_ticks = 0;
  bool open = false;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t failures = 0;
  int32_t last_failure = 0;
};

Engine::Engine(const EngineConfig& config)
    : config_(config), table_(config.connections_max), wheel_(table_), now_ms_(platform::now_ms()) {
  wheel_.advance(tick(), [](uint32_t) {});
}

Engine::~Engine() = default;

Result<void> Engine::turn(int timeout_ms, Batch& batch) noexcept {
  assert(batch.count == 0 && batch.capacity >= kBatchMin);
  ++counters_.turns;
  table_.recycle();
  batch.slab.clear();
  report_drained(batch);
  report_closed(batch);
  const int32_t due = next_turn_ms();
  if (due >= 0 && (timeout_ms < 0 || due < timeout_ms)) timeout_ms = due;
  if (batch.count > 0) timeout_ms = 0;

  const uint32_t events_max = std::min(batch.room(), kEventsMax);
  if (events_max >= kBatchMin / 2) {
    const Result<uint32_t> waited = poller_.wait(events_.data(), events_max, batch.slab, timeout_ms);
    if (!waited.ok()) return waited.failure();
    now_ms_ = platform::now_ms();
    for (uint32_t i = 0; i < waited.value(); ++i)
      on_event(events_[i], batch);
  }
  wheel_.advance(tick(), [this](uint32_t slot) { on_deadline(slot); });
  report_drained(batch);
  report_closed(batch);
  if (shutting_down_) continue_shutdown(batch);
  // Last: whoever closed in this turn has made room, and nothing else might wake the loop to find that out.
  refresh_accept_limits();
  counters_.completions += batch.count;
  return {};
}

int32_t Engine::next_turn_ms() const noexcept {
  const bool sweeping = shutting_down_ && shutdown_cursor_ < table_.slots();
  if (closed_head_ != kNoSlot || !drained_.empty() || poller_.has_ready() || sweeping) return 0;
  uint64_t due = UINT64_MAX;
  const int64_t next = wheel_.next();
  if (next >= 0) {
    // A tick has 32 bits and wraps; how far away one is does not.
    const auto ahead = static_cast<int32_t>(static_cast<uint32_t>(next) - tick());
    due = static_cast<uint64_t>(static_cast<int64_t>(now_ms_ / kTickMs) + ahead) * kTickMs;
  }
  for (const auto& listener : listeners_) {
    if (listener->open && listener->policy.retry_at_ms() != 0) due = std::min(due, listener->policy.retry_at_ms());
  }
  if (accept_by_turns_) due = std::min(due, now_ms_ + kAcceptRetryMs);
  if (shutting_down_ && !shutdown_forced_) due = std::min(due, shutdown_deadline_ms_);
  if (shutting_down_ && table_.in_use() == 0 && !loop_closed_reported_) return 0;
  if (due == UINT64_MAX) return -1;
  const uint64_t now = platform::now_ms();
  return due <= now ? 0 : static_cast<int32_t>(std::min<uint64_t>(due - now, INT32_MAX));
}

const Counters& Engine::counters() noexcept {
  counters_.open = table_.in_use();
  counters_.backlogged = queues_.in_use();
  counters_.acceptPauses = pauses_before_;
  for (const auto& listener : listeners_)
    counters_.acceptPauses += listener->policy.pauses();
  return counters_;
}

platform::Connection* Engine::io(double id) noexcept {
  ConnectionId wanted;
  if (!ConnectionId::decode(id, config_.loop, &wanted)) return nullptr;
  Connection* const connection = table_.find(wanted);
  return connection != nullptr ? &connection->io : nullptr;
}

// --- events ---

void Engine::on_event(const Event& event, Batch& batch) noexcept {
  switch (event.kind) {
    case EventKind::kAccepted:
      return on_accepted(event, batch);
    case EventKind::kAcceptFailed:
      return on_accept_failed(event);
    case EventKind::kClosed:
      return enlist_closed(event.token);
    default:
      break;
  }
  // An event before this one may have ended the connection; what it had received or sent meanwhile concerns nobody.
  Connection& connection = table_.at(event.token);
  if (connection.state == ConnectionState::kConnecting) {
    if (event.kind == EventKind::kConnected) on_connected(event.token, event, batch);
    return;
  }
  if (connection.state != ConnectionState::kOpen) return;
  if (event.kind == EventKind::kReceived) return on_received(event.token, event, batch);
  if (event.kind == EventKind::kSent) return on_sent(event.token, event, batch);
  finish(event.token, -event.result, event.call, CloseMode::kGraceful);  // kBroken
}

void Engine::on_accepted(const Event& event, Batch& batch) noexcept {
  platform::OwnedSocket socket(event.socket);
  ListenerSlot& listener = *listeners_[event.token];
  if (!listener.open) return;
  const bool pauses = listener.policy.overload() == Overload::kPause;
  if (pauses && promised_ > 0) --promised_;
  const uint32_t room = table_.room_now();
  if (!listener.policy.admits(pauses ? room : room - std::min(room, promised_))) {
    ++listener.rejected;
    ++counters_.rejected;
    platform::close_with_reset(socket);
    return;
  }
  const uint32_t slot = table_.acquire();
  if (slot == kNoSlot) {
    on_accept_failed(Event{EventKind::kAcceptFailed, Call::kMemory, event.token, -error::kENOMEM, 0, -1});
    return;
  }
  Connection& connection = table_.at(slot);
  const Result<void> attached = poller_.attach(connection.io, std::move(socket), slot);
  if (!attached.ok()) {
    table_.release(slot);
    on_accept_failed(
        Event{EventKind::kAcceptFailed, Call::kPollerControl, event.token, -attached.failure().code, 0, -1});
    return;
  }
  listener.policy.on_open();
  ++listener.accepted;
  ++counters_.accepted;
  connection.listener = static_cast<uint8_t>(event.token + 1);
  connection.handlers = listener.handlers;
  connection.idle_ticks = listener.idle_ticks;
  start_open(slot, batch);
}

void Engine::on_accept_failed(const Event& event) noexcept {
  ListenerSlot& listener = *listeners_[event.token];
  const int32_t code = -event.result;
  ++listener.failures;
  ++counters_.acceptFailures;
  listener.last_failure = code;
  // The peer went away while it was queued, or a filter refused it (accept(2)): the next one may do better.
  const bool lasting = code == error::kEMFILE || code == error::kENFILE || code == error::kENOBUFS ||
                       code == error::kENOMEM || code == error::kENOSPC;
  if (!lasting) return;
  const bool descriptors = code == error::kEMFILE || code == error::kENFILE;
  if (descriptors && listener.policy.overload() == Overload::kReset) {
    const uint32_t shed = poller_.shed(listener.io, listener.policy.batch());
    listener.rejected += shed;
    counters_.rejected += shed;
    if (shed > 0) return;
  }
  listener.policy.on_exhausted(now_ms_);
}

void Engine::on_connected(uint32_t slot, const Event& event, Batch& batch) noexcept {
  wheel_.remove(slot);
  if (event.result < 0) {
    ++counters_.connectFailures;
    finish(slot, -event.result, event.call, CloseMode::kGraceful);
    return;
  }
  ++counters_.connected;
  start_open(slot, batch);
}

void Engine::start_open(uint32_t slot, Batch& batch) noexcept {
  Connection& connection = table_.at(slot);
  connection.state = ConnectionState::kOpen;
  if (connection.idle_ticks > 0) arm_deadline(slot, connection.idle_ticks);
  push(batch, slot, Operation::kOpen, 0, 0);
  receive_if_wanted(connection);
  // Written, ended or asked while it was still connecting.
  if (connection.send_ref != 0) {
    send_queue(slot);
  } else {
    settle_queue(slot);
  }
}

void Engine::on_received(uint32_t slot, const Event& event, Batch& batch) noexcept {
  Connection& connection = table_.at(slot);
  if (event.result > 0) {
    counters_.bytesReceived += static_cast<uint32_t>(event.result);
    push(batch, slot, Operation::kData, event.result, event.offset);
    touch(slot, connection);
    receive_if_wanted(connection);
    return;
  }
  if (event.result < 0) {
    finish(slot, -event.result, event.call, CloseMode::kGraceful);
    return;
  }
  connection.peer_ended = true;
  push(batch, slot, Operation::kEnd, 0, 0);
  if (connection.end_sent) finish(slot, 0, Call::kNone, CloseMode::kGraceful);
}

void Engine::on_sent(uint32_t slot, const Event& event, Batch& batch) noexcept {
  (void)batch;
  if (event.result < 0) {
    finish(slot, -event.result, event.call, CloseMode::kGraceful);
    return;
  }
  const auto moved = static_cast<uint32_t>(event.result);
  if (moved > 0) {
    queues_.at(table_.at(slot).send_ref - 1).consume(moved);
    counters_.bytesSent += moved;
    acknowledge(slot, moved);
  }
  touch(slot, table_.at(slot));
  send_queue(slot);
}

void Engine::on_deadline(uint32_t slot) noexcept {
  ++counters_.timeouts;
  const bool connecting = table_.at(slot).state == ConnectionState::kConnecting;
  if (connecting) ++counters_.connectFailures;
  finish(slot, error::kETIMEDOUT, connecting ? Call::kConnect : Call::kIdle, CloseMode::kGraceful);
}

// --- the end of a connection ---

void Engine::finish(uint32_t slot, int32_t error, Call call, CloseMode mode) noexcept {
  Connection& connection = table_.at(slot);
  wheel_.remove(slot);
  assert(!connection.in_send_batch);  // what was gathered is sent before anything can end its connection
  connection.close_error = static_cast<uint8_t>(error);
  connection.close_call = call;
  connection.state = ConnectionState::kClosing;
  if (poller_.close(connection.io, mode)) enlist_closed(slot);
}

void Engine::enlist_closed(uint32_t slot) noexcept {
  Connection& connection = table_.at(slot);
  assert(connection.state == ConnectionState::kClosing);
  connection.state = ConnectionState::kClosed;
  // Not before the platform let go: a send that was under way reads from it.
  if (connection.send_ref != 0) queues_.release(connection.send_ref - 1);
  connection.send_ref = 0;
  connection.previous = closed_tail_;
  connection.next = kNoSlot;
  (closed_tail_ != kNoSlot ? table_.at(closed_tail_).next : closed_head_) = slot;
  closed_tail_ = slot;
  for (const auto& listener : listeners_)
    listener->policy.on_descriptor_freed();
}

void Engine::report_closed(Batch& batch) noexcept {
  while (closed_head_ != kNoSlot && batch.room() > 0) {
    const uint32_t slot = closed_head_;
    Connection& connection = table_.at(slot);
    closed_head_ = connection.next;
    if (closed_head_ == kNoSlot) closed_tail_ = kNoSlot;
    push(batch, slot, Operation::kClose, -connection.close_error, static_cast<uint32_t>(connection.close_call));
    if (connection.listener != 0) listeners_[connection.listener - 1]->policy.on_close();
    ++counters_.closed;
    table_.release(slot);
  }
}

void Engine::report_drained(Batch& batch) noexcept {
  size_t reported = 0;
  while (reported < drained_.size() && batch.room() > 0) {
    const ConnectionId id = drained_[reported++];
    Connection* const connection = table_.find(id);
    if (connection == nullptr) continue;
    connection->drain_due = false;
    if (connection->send_ref != 0) continue;  // bytes are queued again: there will be another
    push(batch, id.slot, Operation::kDrain, connection->drain_asked ? 1 : 0, 0);
    connection->drain_asked = false;
  }
  drained_.erase(drained_.begin(), drained_.begin() + static_cast<ptrdiff_t>(reported));
}

void Engine::begin_shutdown(uint32_t timeout_ms) noexcept {
  if (shutting_down_) return;
  shutting_down_ = true;
  shutdown_deadline_ms_ = platform::now_ms() + timeout_ms;
  for (uint32_t i = 0; i < listeners_.size(); ++i)
    (void)close_listener(i);  // ignored: false means closed already
}

void Engine::continue_shutdown(Batch& batch) noexcept {
  if (!shutdown_forced_ && now_ms_ >= shutdown_deadline_ms_) {
    shutdown_forced_ = true;
    shutdown_cursor_ = 0;
  }
  const uint32_t slots = table_.slots();
  for (uint32_t done = 0; done < kShutdownBatch && shutdown_cursor_ < slots;) {
    if (!table_.exists(shutdown_cursor_)) {
      shutdown_cursor_ = table_.next_chunk(shutdown_cursor_);
      continue;
    }
    const uint32_t slot = shutdown_cursor_++;
    Connection& connection = table_.at(slot);
    if (connection.state != ConnectionState::kOpen && connection.state != ConnectionState::kConnecting) continue;
    ++done;
    // What has bytes queued is closed by settle_queue() when they are gone, or by force when the time is up.
    const bool wait = connection.send_ref != 0 && !shutdown_forced_ && connection.state == ConnectionState::kOpen;
    if (!wait) finish(slot, 0, Call::kNone, CloseMode::kGraceful);
  }
  if (table_.in_use() > 0 || loop_closed_reported_ || batch.room() == 0) return;
  loop_closed_reported_ = true;
  batch.completions[batch.count++] = Completion{0, 0, static_cast<uint32_t>(Operation::kLoopClosed), 0, 0};
}

// --- listeners ---

Result<SocketAddress> Engine::listen(const ListenerConfig& config, uint32_t* index) {
  if (shutting_down_) return SysError{error::kECANCELED, Call::kNone};
  uint32_t free = 0;
  while (free < listeners_.size() && (listeners_[free]->open || listeners_[free]->policy.open() > 0))
    ++free;
  if (free == kListenersMax) return SysError{error::kEMFILE, Call::kListen};
  if (free == listeners_.size()) listeners_.push_back(std::make_unique<ListenerSlot>());
  ListenerSlot& listener = *listeners_[free];
  pauses_before_ += listener.policy.pauses();
  listener = ListenerSlot{};
  Result<SocketAddress> address = poller_.listen(listener.io, config.spec, free);
  if (!address.ok()) return address;
  listener.policy = AcceptPolicy(config.accept);
  listener.handlers = config.handlers;
  listener.idle_ticks = config.idle_ticks;
  listener.open = true;
  *index = free;
  refresh_accept_limits();
  return address;
}

bool Engine::close_listener(uint32_t index) noexcept {
  if (index >= listeners_.size() || !listeners_[index]->open) return false;
  listeners_[index]->open = false;
  poller_.close(listeners_[index]->io);
  return true;
}

bool Engine::report_listener(uint32_t index, ListenerReport* report) noexcept {
  if (index >= listeners_.size() || !listeners_[index]->open) return false;
  const ListenerSlot& listener = *listeners_[index];
  *report = ListenerReport{listener.accepted,
                           listener.rejected,
                           listener.failures,
                           listener.policy.pauses(),
                           listener.policy.open(),
                           listener.last_failure,
                           platform::queue_depth(listener.io)};
  return true;
}

void Engine::refresh_accept_limits() noexcept {
  uint32_t open = 0;
  for (const auto& listener : listeners_)
    open += listener->open ? 1 : 0;
  accept_by_turns_ = false;
  promised_ = 0;
  if (open == 0) return;
  // Each is offered its share: a place that is promised twice would end in a reset. With fewer places than listeners
  // they have them in turn, and next_turn_ms() sees to it that there are turns.
  uint32_t room = table_.room();
  const uint32_t share = std::max(room / open, 1U);
  accept_by_turns_ = room > 0 && room < open;
  for (size_t i = 0; i < listeners_.size(); ++i) {
    const auto& listener = listeners_[(counters_.turns + i) % listeners_.size()];
    if (!listener->open) continue;
    const uint32_t offered = std::min(share, room);
    const uint32_t limit = listener->policy.limit(offered, now_ms_);
    const bool pauses = listener->policy.overload() == Overload::kPause;
    if (pauses) promised_ += limit;
    room -= pauses ? limit : offered;
    const Result<void> set = poller_.accept(listener->io, limit);
    if (!set.ok()) {
      listener->last_failure = set.failure().code;
      ++listener->failures;
      listener->policy.on_exhausted(now_ms_);
    }
  }
}

// --- small steps ---

void Engine::push(Batch& batch, uint32_t slot, Operation operation, int32_t result, uint32_t offset) noexcept {
  assert(batch.room() > 0);
  const Connection& connection = table_.at(slot);
  batch.completions[batch.count++] =
      Completion{ConnectionId{slot, connection.generation}.encode(config_.loop), slot,
                 static_cast<uint32_t>(operation) | connection.handlers << 8, result, offset};
}

void Engine::receive_if_wanted(Connection& connection) noexcept {
  const bool wanted = !connection.paused && !connection.throttled && !connection.peer_ended;
  if (wanted && !platform::is_receiving(connection.io)) poller_.receive(connection.io);
}

void Engine::arm_deadline(uint32_t slot, uint32_t ticks) noexcept {
  wheel_.insert(slot, tick() + ticks + 1);  // the tick under way is partly over
}

void Engine::touch(uint32_t slot, Connection& connection) noexcept {
  if (connection.idle_ticks > 0) wheel_.postpone(slot, tick() + connection.idle_ticks + 1);
}

}  // namespace connscale
