// What JavaScript knows of one connection, and what it may expect of it.
#ifndef CONNSCALE_TEST_SIM_KNOWN_H_
#define CONNSCALE_TEST_SIM_KNOWN_H_

#include <algorithm>
#include <cstdint>

#include "base/completion.h"
#include "base/error_names.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "sim/socket.h"
#include "sim/stream.h"

namespace connscale::test {

/// Timeouts are promised within two ticks; the third is for the harness, which does not turn the loop all the time.
inline constexpr uint64_t kTimeoutSlackMs = 3 * kTickMs;

struct Known {
  double id = 0;
  uint32_t slot = 0;
  uint32_t stream = 0;  // of what JavaScript writes
  uint32_t handlers = 0;
  uint64_t connect_ms = 0;
  uint64_t idle_ms = 0;
  sim::Socket* socket = nullptr;  // null: still unknown, or a connect that failed at once

  bool outbound = false;
  bool open = false;
  bool paused = false;
  bool deaf = false;  // no data may come in the turn under way
  bool end_wanted = false;
  bool peer_ended = false;
  bool dropped = false;        // destroy or reset
  bool reset = false;          // it was a reset
  bool reset_in_time = false;  // and nothing else could have closed it before

  uint64_t written = 0;
  uint64_t acknowledged = 0;
  uint64_t received = 0;
  uint64_t compared = 0;  // of what was delivered to the peer

  uint32_t shortfalls = 0;  // of the socket, before the submission under way
  bool drain_promised = false;
  bool drain_asked = false;  // by a write of nothing
  bool drain_due = false;
  bool drain_possible = false;  // for a reason that JavaScript cannot see: a write was taken in two parts

  [[nodiscard]] bool in_engine() const { return socket != nullptr && socket->closed_ms == sim::kNever; }
  [[nodiscard]] uint64_t queued() const { return written - acknowledged; }

  void begin_submission() { shortfalls = socket != nullptr ? socket->shortfalls : 0; }
  void wrote(uint32_t length, bool notify) {
    if (dropped || (end_wanted && length > 0)) return;
    written += length;
    drain_promised = drain_promised || notify;
    drain_asked = drain_asked || (notify && length == 0);
  }
  void end_submission() {
    if (socket != nullptr && socket->shortfalls != shortfalls) drain_possible = true;
    settle_drain();
  }
  /// A drain is promised by the notify flag, or because not everything was taken at once. It comes when nothing is
  /// queued.
  void settle_drain() {
    if (queued() > 0) {
      drain_promised = true;
      drain_due = false;
    } else if (drain_promised && open) {
      drain_promised = false;
      drain_due = true;
    }
  }
  bool drain(bool answers) {
    const bool expected = (drain_due || drain_possible) && queued() == 0 && answers == drain_asked;
    drain_due = drain_possible = drain_asked = false;
    return expected;
  }

  /// What the peer got is what was written, in order.
  bool delivered_in_order() {
    if (socket == nullptr) return true;
    const uint64_t delivered = socket->delivered.size();
    if (delivered > written) return false;
    const bool same = sim::matches_stream(stream, compared, socket->delivered.data() + compared,
                                          static_cast<uint32_t>(delivered - compared));
    compared = delivered;
    return same;
  }

  /// Whether a deadline that the engine keeps has passed unnoticed.
  [[nodiscard]] bool overdue(uint64_t now_ms) const {
    if (!in_engine()) return false;
    if (open) return idle_ms > 0 && now_ms > socket->active_ms + idle_ms + kTimeoutSlackMs;
    return connect_ms > 0 && now_ms > socket->started_ms + connect_ms + kTimeoutSlackMs;
  }
  [[nodiscard]] bool timed_out(Call call) const {
    if (socket == nullptr || socket->closed_ms == sim::kNever) return false;
    const uint64_t limit_ms = call == Call::kIdle ? idle_ms : connect_ms;
    const uint64_t since_ms = call == Call::kIdle ? socket->active_ms : socket->started_ms;
    const uint64_t waited_ms = socket->closed_ms - since_ms;
    return limit_ms > 0 && waited_ms >= limit_ms && waited_ms <= limit_ms + kTimeoutSlackMs;
  }

  /// Null, or what is wrong with this end of the connection.
  [[nodiscard]] const char* objection(int32_t error, Call call, const EngineConfig& config, bool shutting_down) const {
    if (socket != nullptr && (socket->closed_ms == sim::kNever || socket->owned))
      return "kClose before the platform let go";
    const bool aborted = socket != nullptr && socket->aborted;
    if (aborted && !reset) return "RST without being asked for";
    if (!aborted && error == 0 && reset_in_time) return "a reset without RST";
    if (error == 0) {
      if (dropped || shutting_down) return nullptr;
      if (!end_wanted || !peer_ended) return "closed without a reason";
      return socket->delivered.size() == written ? nullptr : "both sides ended, but not everything was sent";
    }
    if (call == Call::kMemory && error == error::kENOBUFS) {
      return queued() > config.write_queue_max_bytes ? nullptr : "ENOBUFS within the bound of the queue";
    }
    if (socket == nullptr) return open ? "an open connection without a socket" : nullptr;
    if (std::ranges::find(socket->failures, error) != socket->failures.end()) return nullptr;
    if (error == error::kETIMEDOUT) return timed_out(call) ? nullptr : "a timeout too early or too late";
    return "an error that nothing reported";
  }
};

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_KNOWN_H_
