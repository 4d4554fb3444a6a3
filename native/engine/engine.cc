#include "engine/engine.h"

#include <algorithm>
#include <cassert>

namespace connscale {

Engine::Engine(const EngineConfig& config)
    : config_(config),
      table_(config.connections_max),
      wheel_(table_),
      listeners_(poller_, counters_),
      now_ms_(platform::now_ms()) {
  wheel_.start(tick());
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

  const Result<void> taken = take_events(timeout_ms, batch);
  if (!taken.ok()) return taken;
  turn_wheel();
  report_drained(batch);
  report_closed(batch);
  advance_runs(batch);
  if (shutting_down_) continue_shutdown(batch);
  // Last: whoever closed in this turn has made room, and nothing else might wake the loop to find that out.
  listeners_.set_limits(table_.room(), now_ms_);
  counters_.completions += batch.count;
  return {};
}

Result<void> Engine::take_events(int timeout_ms, Batch& batch) noexcept {
  const uint32_t events_max = std::min(batch.room(), kEventsMax);
  events_left_ = events_max < kBatchMin / 2;  // what closed or drained has filled the batch
  if (events_left_) return {};
  const Result<uint32_t> waited = poller_.wait(events_.data(), events_max, batch.slab, table_.room_now(), timeout_ms);
  if (!waited.ok()) return waited.failure();
  events_left_ = poller_.may_have_more();
  now_ms_ = platform::now_ms();
  for (uint32_t i = 0; i < waited.value(); ++i)
    on_event(events_[i], batch);
  return {};
}

/// After a pause of its thread a loop finds more events than one turn takes. Those of a connection may be among the
/// rest, so that its time is not up: timers stand still until all were taken, or for so long at most.
void Engine::turn_wheel() noexcept {
  const bool behind = (events_left_ || poller_.has_ready()) && turns_behind_ < kTurnsBehindMax;
  turns_behind_ = behind ? turns_behind_ + 1 : 0;
  if (behind) return;
  wheel_.advance(tick(), kExpiryBatch, [this](uint32_t slot) { on_deadline(slot); });
}

int32_t Engine::next_turn_ms() const noexcept {
  const bool sweeping = shutting_down_ && shutdown_cursor_ < table_.slots();
  const bool to_report = closed_head_ != kNoSlot || !unclaimed_.empty() || !drained_.empty();
  if (to_report || poller_.has_ready() || sweeping) return 0;
  uint64_t due = UINT64_MAX;
  const int64_t next = wheel_.next();
  if (next >= 0) {
    // A tick has 32 bits and wraps; how far away one is does not.
    const auto ahead = static_cast<int32_t>(static_cast<uint32_t>(next) - tick());
    due = static_cast<uint64_t>(static_cast<int64_t>(now_ms_ / kTickMs) + ahead) * kTickMs;
  }
  due = std::min({due, listeners_.next_retry_ms(), next_run_ms()});
  if (shutting_down_ && !shutdown_forced_) due = std::min(due, shutdown_deadline_ms_);
  if (shutting_down_ && table_.in_use() == 0 && !loop_closed_reported_) return 0;
  if (due == UINT64_MAX) return -1;
  const uint64_t now = platform::now_ms();
  return due <= now ? 0 : static_cast<int32_t>(std::min<uint64_t>(due - now, INT32_MAX));
}

const Counters& Engine::counters() noexcept {
  counters_.open = table_.in_use();
  counters_.backlogged = queues_.in_use();
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
      return listeners_.on_failure(event.token, -event.result, now_ms_);
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
  if (event.kind == EventKind::kSent) return on_sent(event.token, event);
  finish(event.token, -event.result, event.call, CloseMode::kGraceful);  // kBroken
}

void Engine::on_accepted(const Event& event, Batch& batch) noexcept {
  platform::OwnedSocket socket(event.socket);
  if (!listeners_.admits(event.token)) return platform::close_with_reset(socket);
  const uint32_t slot = table_.acquire();
  if (slot == kNoSlot) return listeners_.on_failure(event.token, error::kENOMEM, now_ms_);
  Connection& connection = table_.at(slot);
  const Result<void> attached = poller_.attach(connection.io, std::move(socket), slot);
  if (!attached.ok()) {
    table_.release(slot);
    return listeners_.on_failure(event.token, attached.failure().code, now_ms_);
  }
  const Listeners::Terms terms = listeners_.on_open(event.token);
  connection.listener = static_cast<uint8_t>(event.token + 1);
  connection.handlers = terms.handlers;
  connection.idle_ticks = terms.idle_ticks;
  start_open(slot, batch);
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
  if (connection.attempt) on_attempt_opened(slot);
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

void Engine::on_sent(uint32_t slot, const Event& event) noexcept {
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
  listeners_.on_descriptor_freed();
}

void Engine::report_closed(Batch& batch) noexcept {
  report_unclaimed(batch);
  while (closed_head_ != kNoSlot && batch.room() > 0) {
    const uint32_t slot = closed_head_;
    Connection& connection = table_.at(slot);
    closed_head_ = connection.next;
    if (closed_head_ == kNoSlot) closed_tail_ = kNoSlot;
    if (!end_attempt(slot, batch)) {
      push(batch, slot, Operation::kClose, -connection.close_error, static_cast<uint32_t>(connection.close_call));
      ++counters_.closed;
    }
    if (connection.listener != 0) listeners_.on_close(connection.listener - 1);
    table_.release(slot);
  }
}

/// Connects for which there was no memory have an id and nothing else.
void Engine::report_unclaimed(Batch& batch) noexcept {
  while (!unclaimed_.empty() && batch.room() > 0) {
    const Unclaimed& connect = unclaimed_.back();
    push(batch, connect.id, connect.handlers, Operation::kClose, -error::kENOMEM, static_cast<uint32_t>(Call::kMemory));
    ++counters_.closed;
    unclaimed_.pop_back();
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
  listeners_.close_all();
  for (const uint32_t run : active_runs_)
    runs_[run]->stop();
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
  const bool told = table_.in_use() == 0 && unclaimed_.empty() && active_runs_.empty();
  if (!told || loop_closed_reported_ || batch.room() == 0) return;
  loop_closed_reported_ = true;
  batch.completions[batch.count++] = Completion{0, 0, static_cast<uint32_t>(Operation::kLoopClosed), 0, 0};
}

// --- listeners ---

Result<SocketAddress> Engine::listen(const ListenerConfig& config, uint32_t* index) {
  if (shutting_down_) return SysError{error::kECANCELED, Call::kNone};
  Result<SocketAddress> address = listeners_.open(config, index);
  if (address.ok()) listeners_.set_limits(table_.room(), now_ms_);
  return address;
}

// --- small steps ---

void Engine::push(Batch& batch, uint32_t slot, Operation operation, int32_t result, uint32_t offset) noexcept {
  const Connection& connection = table_.at(slot);
  push(batch, ConnectionId{slot, connection.generation}, connection.handlers, operation, result, offset);
}

void Engine::push(Batch& batch, ConnectionId id, uint32_t handlers, Operation operation, int32_t result,
                  uint32_t offset) const noexcept {
  assert(batch.room() > 0);
  batch.completions[batch.count++] =
      Completion{id.encode(config_.loop), id.slot, static_cast<uint32_t>(operation) | handlers << 8, result, offset};
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
