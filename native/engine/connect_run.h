// Many connects with one plan: which destination, source address and port each has, and what became of them.
//
// It starts nothing itself; the engine asks for the next attempt, carries it out, and says how it ended.
#ifndef CONNSCALE_ENGINE_CONNECT_RUN_H_
#define CONNSCALE_ENGINE_CONNECT_RUN_H_

#include <bitset>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "base/event.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "engine/port_set.h"
#include "engine/source_pool.h"

namespace connscale {

enum class PortChoice : uint8_t {
  kExplicit,  // ours: bind(2) to a port that we know to be free for this destination
  kRange,     // the kernel's, at connect time, within an interval of the socket's own
  kKernel,    // the kernel's, at connect time, within the system's range
};

struct RetryPolicy {
  static constexpr uint32_t kCodes = 256;
  std::bitset<kCodes> codes;  // errors after which a connect is tried again
  uint32_t attempts = 1;      // of one connection, the first included
  uint32_t delay_ms = 0;
};

/// A pair of addresses that somebody has connected already.
struct TakenTuple {
  SocketAddress source;
  SocketAddress destination;
};

/// All addresses of one family.
struct ConnectPlan {
  std::vector<SocketAddress> destinations;  // at least one
  std::vector<SourceRange> sources;         // none: the kernel chooses the address
  SourceStrategy strategy = SourceStrategy::kRoundRobin;
  PortChoice ports = PortChoice::kKernel;
  std::vector<PortInterval> intervals;  // kExplicit: in order of preference; kRange: one
  std::vector<TakenTuple> taken;
  uint32_t count = 0;
  uint32_t in_flight_max = 1;
  double rate_per_second = 0;  // 0: as fast as it goes
  RetryPolicy retry;
  uint32_t handlers = 0;
  uint16_t connect_ticks = 0;
  uint16_t idle_ticks = 0;
  std::vector<OptionValue> options;
};

/// One connection of a run, from its first connect until it closes.
struct Attempt {
  static constexpr uint32_t kNoRoute = UINT32_MAX;

  uint32_t run = 0;  // 1 + index; 0: none
  uint32_t destination = 0;
  uint32_t route = kNoRoute;
  uint16_t port = 0;   // that the run chose
  uint16_t tries = 0;  // this one included
  uint32_t started_us = 0;
};

class ConnectRun {
 public:
  ConnectRun(ConnectPlan plan, uint64_t now_ms, uint32_t number = 0);

  [[nodiscard]] const ConnectPlan& plan() const noexcept { return plan_; }
  /// What the engine calls it.
  [[nodiscard]] uint32_t number() const noexcept { return number_; }
  [[nodiscard]] uint32_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] uint32_t waiting() const noexcept { return static_cast<uint32_t>(retries_.size()); }
  [[nodiscard]] uint64_t ports_skipped() const noexcept { return ports_skipped_; }
  /// Microseconds of the slowest attempt that succeeded, from its connect(2) until its event was taken.
  [[nodiscard]] uint32_t slowest_us() const noexcept { return slowest_us_; }
  /// Nothing is left to start, and nothing is under way.
  [[nodiscard]] bool finished() const noexcept { return in_flight_ == 0 && left_ == 0 && retries_.empty(); }
  /// Connections that still hold a port of it.
  [[nodiscard]] uint32_t open() const noexcept { return open_; }

  /// When the next attempt may start; UINT64_MAX: not before one that is under way has ended, or never.
  [[nodiscard]] uint64_t next_start_ms(uint64_t now_ms) const noexcept;
  /// Takes the next attempt. It is under way from now on, until on_failed() or on_opened().
  Attempt begin(uint64_t now_ms) noexcept;
  /// Chooses where it connects to, and from. False: no port is left.
  bool route(Attempt* attempt, ConnectSpec* spec);
  /// The kernel refused at once. True: because of the port or of the source address, and there may be others.
  bool reroute(Attempt* attempt, SysError failure);
  /// It was not started after all: begin() will give it again.
  void put_back(const Attempt& attempt);
  void on_opened(const Attempt& attempt, uint64_t now_us) noexcept;
  /// True: it will be tried again.
  bool on_failed(const Attempt& attempt, int32_t code, uint64_t now_ms);
  void on_closed(const Attempt& attempt) noexcept;
  /// Whether anything that is reported of it has changed since the last call.
  bool take_changed() noexcept;
  /// Starts nothing any more.
  void stop() noexcept;

 private:
  struct Route {
    uint32_t destination = 0;
    uint32_t source = 0;
    uint32_t open = 0;  // under way included
    bool full = false;  // no port is free, as far as we or the kernel know
    bool dead = false;  // the source address is not local
    PortSet ports;
  };
  struct Retry {
    uint64_t due_ms;
    uint32_t destination;
    uint16_t tries;
  };

  [[nodiscard]] uint32_t source_count() const noexcept;
  uint32_t route_of(uint32_t destination, uint32_t source);
  bool route_to(uint32_t destination, Attempt* attempt);
  bool take(uint32_t index, Attempt* attempt);
  void set_full(Route& route, bool full) noexcept;
  void leave(const Attempt& attempt) noexcept;
  void free_port(const Attempt& attempt) noexcept;
  [[nodiscard]] ConnectSpec spec_of(const Attempt& attempt) const noexcept;
  void keep_from_itself(Route& route);
  void seed();

  ConnectPlan plan_;
  uint32_t number_;
  PortOrder order_;
  SourcePool sources_;
  std::vector<Route> routes_;
  std::unordered_map<uint64_t, uint32_t> route_index_;  // destination and source
  std::vector<uint32_t> full_routes_;                   // of each destination
  std::deque<Retry> retries_;                           // the delay is the same for all: in order of time
  uint64_t started_ms_;
  uint64_t started_ = 0;  // against the rate
  uint64_t ports_skipped_ = 0;
  uint32_t left_;  // never tried
  uint32_t in_flight_ = 0;
  uint32_t open_ = 0;
  uint32_t next_destination_ = 0;
  uint32_t slowest_us_ = 0;
  bool stopped_ = false;
  uint32_t reported_in_flight_ = 0;
  uint32_t reported_waiting_ = 0;
  uint64_t reported_skipped_ = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_CONNECT_RUN_H_
