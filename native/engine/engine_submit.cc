// What JavaScript asks for, carried out: requests, and everything about sending.

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "engine/engine.h"

namespace connscale {

namespace {

constexpr double kOptionValueMax = 1e15;

constexpr size_t padded(size_t length) { return (length + 7) & ~size_t{7}; }

bool known_family(uint8_t family) { return family == 4 || family == 6; }

}  // namespace

bool Engine::submit(const uint8_t* records, size_t length) noexcept {
  now_ms_ = platform::now_ms();
  bool sound = true;
  size_t at = 0;
  while (at < length && sound) {
    SubmissionHead head;
    sound = length - at >= sizeof(head);
    if (!sound) break;
    std::memcpy(&head, records + at, sizeof(head));
    at += sizeof(head);
    sound = head.length <= length - at && carry_out(head, records + at);
    at += padded(std::min<size_t>(head.length, length - at));
  }
  if (!sound) ++counters_.invalidSubmissions;
  send_gathered();
  return sound;
}

bool Engine::carry_out(const SubmissionHead& head, const uint8_t* payload) noexcept {
  ConnectionId id;
  if (!ConnectionId::decode(head.id, config_.loop, &id) || id.slot >= table_.slots()) return false;
  const auto request = static_cast<Request>(head.request);
  if (request == Request::kConnect) return start_connect(id, payload, head.length);
  if (request < Request::kWrite || request > Request::kResume) return false;
  Connection* const connection = table_.find(id);
  if (connection == nullptr) {
    ++counters_.staleSubmissions;  // it closed before JavaScript could know: kClose is on its way
    return true;
  }
  if (request == Request::kWrite) {
    start_write(id.slot, Slice{payload, head.length}, (head.flags & kNotifyDrain) != 0);
    return true;
  }
  // The others come after what was written before them.
  if (connection->in_send_batch) send_entry(connection->send_ref - 1);
  if (table_.find(id) == nullptr) return true;
  switch (request) {
    case Request::kEnd:
      connection->end_wanted = true;
      if (connection->send_ref == 0 && connection->state == ConnectionState::kOpen) send_end(id.slot);
      break;
    case Request::kDestroy:
      finish(id.slot, 0, Call::kNone, CloseMode::kGraceful);
      break;
    case Request::kReset:
      finish(id.slot, 0, Call::kNone, CloseMode::kReset);
      break;
    case Request::kPause:
      connection->paused = true;
      if (connection->state == ConnectionState::kOpen) poller_.cancel_receive(connection->io);
      break;
    default:
      connection->paused = false;
      if (connection->state == ConnectionState::kOpen) receive_if_wanted(*connection);
  }
  return true;
}

bool Engine::start_connect(ConnectionId id, const uint8_t* payload, uint32_t length) noexcept {
  ConnectRecord record;
  if (length < sizeof(record)) return false;
  std::memcpy(&record, payload, sizeof(record));
  const bool shape = record.option_count <= kConnectOptionsMax &&
                     length == sizeof(record) + record.option_count * sizeof(OptionRecord) &&
                     known_family(record.remote.family) &&
                     (record.source.family == 0 || record.source.family == record.remote.family);
  if (!shape) return false;
  OptionValue options[kConnectOptionsMax];
  for (uint32_t i = 0; i < record.option_count; ++i) {
    OptionRecord option;
    std::memcpy(&option, payload + sizeof(record) + i * sizeof(option), sizeof(option));
    if (!(std::abs(option.value) <= kOptionValueMax)) return false;  // NaN as well
    options[i] = OptionValue{option.row, static_cast<int64_t>(option.value)};
  }
  if (!table_.may_claim(id)) return false;
  Connection* const connection = table_.claim(id);
  if (connection == nullptr) {
    ++counters_.connectFailures;
    unclaimed_.push_back({id, record.handlers & kHandlersMask});
    return true;
  }
  connection->state = ConnectionState::kConnecting;
  connection->handlers = record.handlers & kHandlersMask;
  connection->idle_ticks = record.idle_timeout_ticks;
  const ConnectSpec spec{SocketAddress::from(record.remote), SocketAddress::from(record.source),
                         PortInterval{record.port_low, record.port_high}, options, record.option_count};
  // Shutting down has swept the table already, perhaps beyond this slot.
  const Result<void> started =
      shutting_down_ ? SysError{error::kECANCELED, Call::kConnect} : poller_.connect(connection->io, spec, id.slot);
  if (!started.ok()) {
    ++counters_.connectFailures;
    finish(id.slot, started.failure().code, started.failure().call, CloseMode::kGraceful);
  } else if (record.connect_timeout_ticks > 0) {
    arm_deadline(id.slot, record.connect_timeout_ticks);
  }
  return true;
}

void Engine::start_write(uint32_t slot, Slice bytes, bool notify) noexcept {
  Connection& connection = table_.at(slot);
  if (connection.end_wanted && bytes.length > 0) {
    ++counters_.invalidSubmissions;  // JavaScript refuses it before it comes here
    return;
  }
  if (notify) connection.notify_drain = true;
  if (bytes.length == 0) {
    // A question: is all gone? Then it is answered now, else when it is.
    if (notify) connection.drain_asked = true;
    const bool empty = connection.send_ref == 0 && connection.state == ConnectionState::kOpen;
    if (empty) settle_queue(slot);
  } else if (connection.in_send_batch) {
    gathered_.append(connection.send_ref - 1, bytes);
  } else if (connection.send_ref != 0 || connection.state == ConnectionState::kConnecting) {
    enqueue(slot, &bytes, 1, 0);
  } else {
    connection.send_ref = 1 + gathered_.open(slot, bytes);
    connection.in_send_batch = true;
  }
}

void Engine::send_gathered() noexcept {
  for (uint32_t entry = 0; entry < gathered_.size(); ++entry) {
    if (gathered_.at(entry).first != SendBatch::kNone) send_entry(entry);
  }
  gathered_.clear();
}

void Engine::send_entry(uint32_t index) noexcept {
  SendBatch::Entry entry = gathered_.at(index);
  gathered_.at(index).first = SendBatch::kNone;  // also when the connection ends before its last slice
  const uint32_t slot = entry.slot;
  Connection& connection = table_.at(slot);
  connection.in_send_batch = false;
  connection.send_ref = 0;
  touch(slot, connection);
  Slice slices[kSendSlicesMax];
  while (entry.first != SendBatch::kNone) {
    const uint32_t count = gathered_.take(entry, slices, kSendSlicesMax);
    int32_t sent = 0;
    if (connection.send_ref == 0) {
      sent = poller_.try_send(connection.io, slices, count);
      if (sent < 0) return finish(slot, -sent, Call::kWrite, CloseMode::kGraceful);
      counters_.bytesSent += static_cast<uint32_t>(sent);
      acknowledge(slot, static_cast<uint32_t>(sent));
    }
    enqueue(slot, slices, count, static_cast<uint32_t>(sent));
    if (connection.state != ConnectionState::kOpen) return;  // no memory for the queue, or beyond its bound
  }
  if (connection.send_ref != 0) {
    send_queue(slot);
  } else {
    settle_queue(slot);
  }
}

void Engine::enqueue(uint32_t slot, const Slice* slices, uint32_t count, uint32_t skip) noexcept {
  Connection& connection = table_.at(slot);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t skipped = std::min(skip, slices[i].length);
    skip -= skipped;
    if (skipped == slices[i].length) continue;
    if (connection.send_ref == 0) {
      connection.send_ref = 1 + queues_.acquire();
      connection.notify_drain = true;
    }
    WriteQueue& queue = queues_.at(connection.send_ref - 1);
    const uint32_t length = slices[i].length - skipped;
    // JavaScript refuses a write beyond the bound; only a ring written over comes here with one.
    const bool fits = queue.bytes() + length <= config_.write_queue_max_bytes;
    if (!fits || !queue.append(slices[i].data + skipped, length)) {
      finish(slot, fits ? error::kENOMEM : error::kENOBUFS, Call::kMemory, CloseMode::kGraceful);
      return;
    }
  }
  if (connection.send_ref == 0 || connection.throttled) return;
  if (queues_.at(connection.send_ref - 1).bytes() <= config_.high_water_bytes) return;
  connection.throttled = true;
  if (connection.state == ConnectionState::kOpen) poller_.cancel_receive(connection.io);
}

void Engine::send_queue(uint32_t slot) noexcept {
  Connection& connection = table_.at(slot);
  WriteQueue& queue = queues_.at(connection.send_ref - 1);
  Slice slices[kSendSlicesMax];
  while (queue.bytes() > 0) {
    const uint32_t count = queue.slices(slices, kSendSlicesMax);
    const SendOutcome outcome = poller_.send(connection.io, slices, count);
    if (outcome.failure < 0) return finish(slot, -outcome.failure, Call::kWrite, CloseMode::kGraceful);
    queue.consume(outcome.sent);
    counters_.bytesSent += outcome.sent;
    acknowledge(slot, outcome.sent);
    if (outcome.pending) break;
  }
  if (connection.throttled && queue.bytes() <= config_.high_water_bytes / 2) {
    connection.throttled = false;
    receive_if_wanted(connection);
  }
  if (queue.bytes() > 0) return;
  queues_.release(connection.send_ref - 1);
  connection.send_ref = 0;
  settle_queue(slot);
}

/// Nothing is queued any more: whoever waited for that has its turn.
void Engine::settle_queue(uint32_t slot) noexcept {
  Connection& connection = table_.at(slot);
  if (connection.notify_drain) {
    connection.notify_drain = false;
    if (!connection.drain_due) drained_.push_back(ConnectionId{slot, connection.generation});
    connection.drain_due = true;
  }
  if (shutting_down_) return finish(slot, 0, Call::kNone, CloseMode::kGraceful);
  if (connection.end_wanted) send_end(slot);
}

void Engine::send_end(uint32_t slot) noexcept {
  Connection& connection = table_.at(slot);
  if (connection.end_sent) return;
  const Result<void> ended = poller_.end(connection.io);
  if (!ended.ok()) return finish(slot, ended.failure().code, ended.failure().call, CloseMode::kGraceful);
  connection.end_sent = true;
  if (connection.peer_ended) finish(slot, 0, Call::kNone, CloseMode::kGraceful);
}

void Engine::acknowledge(uint32_t slot, uint32_t bytes) {
  if (bytes > 0) acknowledgements_.push_back({slot, bytes});
}

}  // namespace connscale
