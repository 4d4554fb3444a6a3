#include "engine/connect_run.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace connscale {

namespace {

constexpr uint64_t kNever = UINT64_MAX;
/// What a rate may be behind, and catch up on at once: a turn that took long must not lower the rate.
constexpr double kBurstSeconds = 0.1;

uint64_t key_of(uint32_t destination, uint32_t source) noexcept { return uint64_t{destination} << 32 | source; }

/// Where the kernel, which chooses the source, is known to choose the destination: 127.0.0.1 and ::1.
bool answers_itself(const SocketAddress& destination) noexcept {
  SocketAddress loopback;
  if (destination.family == Family::kIPv4) loopback.bytes[0] = 127;
  loopback.bytes[destination.family == Family::kIPv4 ? 3 : 15] = 1;
  return destination.bytes == loopback.bytes;
}

}  // namespace

ConnectRun::ConnectRun(ConnectPlan plan, uint64_t now_ms, uint32_t number)
    : plan_(std::move(plan)),
      number_(number),
      order_(plan_.ports == PortChoice::kExplicit ? plan_.intervals : std::vector<PortInterval>{}),
      sources_(plan_.sources, plan_.strategy),
      full_routes_(plan_.destinations.size()),
      started_ms_(now_ms),
      left_(plan_.count) {
  seed();
}

/// What is connected already. Of a tuple that is not known here the kernel tells, for two microseconds.
void ConnectRun::seed() {
  if (plan_.ports != PortChoice::kExplicit) return;
  for (const TakenTuple& taken : plan_.taken) {
    const uint32_t source = sources_.index_of(taken.source);
    const uint32_t position = order_.position_of(taken.source.port);
    if (source == SourcePool::kNone || position == PortOrder::kNone) continue;
    for (uint32_t i = 0; i < plan_.destinations.size(); ++i) {
      const SocketAddress& destination = plan_.destinations[i];
      if (destination.bytes != taken.destination.bytes || destination.port != taken.destination.port) continue;
      Route& route = routes_[route_of(i, source)];
      route.ports.mark(position);
      set_full(route, route.ports.used() >= order_.count());
    }
  }
  plan_.taken = {};
}

uint32_t ConnectRun::source_count() const noexcept { return std::max(sources_.count(), 1U); }

uint64_t ConnectRun::next_start_ms(uint64_t now_ms) const noexcept {
  if (in_flight_ >= plan_.in_flight_max) return kNever;
  const bool retry = !retries_.empty();
  if (left_ == 0 && !retry) return kNever;
  uint64_t due = left_ > 0 ? now_ms : retries_.front().due_ms;
  if (plan_.rate_per_second > 0) {
    const double seconds = static_cast<double>(started_) / plan_.rate_per_second;
    due = std::max(due, started_ms_ + static_cast<uint64_t>(std::ceil(seconds * 1000)));
  }
  return std::max(due, now_ms);
}

Attempt ConnectRun::begin(uint64_t now_ms) noexcept {
  Attempt attempt;
  attempt.tries = 1;
  if (!retries_.empty() && (left_ == 0 || retries_.front().due_ms <= now_ms)) {
    attempt.tries = static_cast<uint16_t>(retries_.front().tries + 1);
    attempt.destination = retries_.front().destination;
    retries_.pop_front();
  } else {
    assert(left_ > 0);
    --left_;
    attempt.destination = next_destination_;
    next_destination_ = (next_destination_ + 1) % static_cast<uint32_t>(plan_.destinations.size());
  }
  const double owed = static_cast<double>(now_ms - started_ms_) / 1000 * plan_.rate_per_second;
  const double burst = plan_.rate_per_second * kBurstSeconds;
  started_ = std::max(started_, static_cast<uint64_t>(std::max(0.0, owed - burst))) + 1;
  ++in_flight_;
  return attempt;
}

bool ConnectRun::route(Attempt* attempt, ConnectSpec* spec) {
  const auto destinations = static_cast<uint32_t>(plan_.destinations.size());
  // The first try goes to another destination when its own has no port left; later ones belong to theirs.
  const uint32_t choices = attempt->tries == 1 ? destinations : 1;
  for (uint32_t i = 0; i < choices; ++i) {
    if (!route_to((attempt->destination + i) % destinations, attempt)) continue;
    *spec = spec_of(*attempt);
    return true;
  }
  return false;
}

bool ConnectRun::route_to(uint32_t destination, Attempt* attempt) {
  const uint32_t sources = source_count();
  if (full_routes_[destination] == sources) return false;
  const uint32_t first = sources_.count() > 0 ? sources_.next() : 0;
  for (uint32_t i = 0; i < sources; ++i) {
    const uint32_t source = (first + i) % sources;
    if (take(route_of(destination, source), attempt)) return true;
  }
  return false;
}

uint32_t ConnectRun::route_of(uint32_t destination, uint32_t source) {
  const auto [found, added] =
      route_index_.try_emplace(key_of(destination, source), static_cast<uint32_t>(routes_.size()));
  if (added) {
    routes_.emplace_back();
    routes_.back().destination = destination;
    routes_.back().source = source;
    if (plan_.ports == PortChoice::kExplicit) keep_from_itself(routes_.back());
  }
  return found->second;
}

/// A socket that connects to its own address and port meets itself (RFC 9293, 3.5: simultaneous open), where nobody
/// listens.
void ConnectRun::keep_from_itself(Route& route) {
  const SocketAddress& destination = plan_.destinations[route.destination];
  const bool chosen = sources_.count() > 0;
  const bool same = chosen ? sources_.at(route.source).bytes == destination.bytes : answers_itself(destination);
  const uint32_t position = order_.position_of(destination.port);
  if (!same || position == PortOrder::kNone) return;
  route.ports.mark(position);
  set_full(route, route.ports.used() >= order_.count());
}

bool ConnectRun::take(uint32_t index, Attempt* attempt) {
  Route& route = routes_[index];
  if (route.full) return false;
  attempt->port = 0;
  if (plan_.ports == PortChoice::kExplicit) {
    const uint32_t position = route.ports.take(order_.count());
    assert(position != PortSet::kNone);
    attempt->port = order_.port_at(position);
    set_full(route, route.ports.used() >= order_.count());
  }
  attempt->route = index;
  attempt->destination = route.destination;
  ++route.open;
  if (sources_.count() > 0) sources_.on_use(route.source);
  return true;
}

ConnectSpec ConnectRun::spec_of(const Attempt& attempt) const noexcept {
  const Route& route = routes_[attempt.route];
  ConnectSpec spec;
  spec.remote = plan_.destinations[route.destination];
  if (sources_.count() > 0) {
    spec.source = sources_.at(route.source);
    spec.source.port = attempt.port;
  } else if (attempt.port != 0) {
    spec.source.family = spec.remote.family;  // the wildcard address: the kernel chooses one by the destination
    spec.source.port = attempt.port;
  }
  if (plan_.ports == PortChoice::kRange) spec.port_range = plan_.intervals.front();
  spec.options = plan_.options.data();
  spec.option_count = static_cast<uint32_t>(plan_.options.size());
  return spec;
}

bool ConnectRun::reroute(Attempt* attempt, SysError failure) {
  if (attempt->route == Attempt::kNoRoute) return false;
  const bool unavailable = failure.code == error::kEADDRNOTAVAIL;
  const bool in_use = failure.code == error::kEADDRINUSE && failure.call == Call::kBind;
  if (!unavailable && !in_use) return false;
  Route& route = routes_[attempt->route];
  const bool foreign = unavailable && failure.call == Call::kBind;
  if (attempt->port != 0 && !foreign) {
    // Somebody else has it, for this destination at least. It stays marked.
    attempt->port = 0;
    ++ports_skipped_;
  } else {
    // bind(2) knows no such address here; or the kernel, which chooses the ports, has none left.
    route.dead = route.dead || foreign;
    set_full(route, true);
  }
  leave(*attempt);
  attempt->route = Attempt::kNoRoute;
  return true;
}

void ConnectRun::set_full(Route& route, bool full) noexcept {
  full = full || route.dead;
  if (route.full == full) return;
  route.full = full;
  full_routes_[route.destination] += full ? 1 : UINT32_MAX;
}

/// The connection is no longer one of its route.
void ConnectRun::leave(const Attempt& attempt) noexcept {
  if (attempt.route == Attempt::kNoRoute) return;
  Route& route = routes_[attempt.route];
  assert(route.open > 0);
  --route.open;
  if (sources_.count() > 0) sources_.on_release(route.source);
  if (attempt.port != 0) route.ports.give(order_.position_of(attempt.port));
}

void ConnectRun::put_back(const Attempt& attempt) {
  --in_flight_;
  --started_;
  free_port(attempt);
  retries_.push_front({0, attempt.destination, static_cast<uint16_t>(attempt.tries - 1)});
}

bool ConnectRun::take_changed() noexcept {
  const bool changed =
      reported_in_flight_ != in_flight_ || reported_waiting_ != waiting() || reported_skipped_ != ports_skipped_;
  reported_in_flight_ = in_flight_;
  reported_waiting_ = waiting();
  reported_skipped_ = ports_skipped_;
  return changed;
}

void ConnectRun::on_opened(const Attempt& attempt, uint64_t now_us) noexcept {
  // 32 bits wrap after 71 minutes; the difference does not, before that.
  slowest_us_ = std::max(slowest_us_, static_cast<uint32_t>(now_us) - attempt.started_us);
  --in_flight_;
  ++open_;
}

bool ConnectRun::on_failed(const Attempt& attempt, int32_t code, uint64_t now_ms) {
  --in_flight_;
  free_port(attempt);
  const RetryPolicy& retry = plan_.retry;
  const bool again = !stopped_ && attempt.tries < retry.attempts && code > 0 &&
                     static_cast<uint32_t>(code) < RetryPolicy::kCodes && retry.codes[static_cast<uint32_t>(code)];
  if (again) retries_.push_back({now_ms + retry.delay_ms, attempt.destination, attempt.tries});
  return again;
}

void ConnectRun::on_closed(const Attempt& attempt) noexcept {
  --open_;
  free_port(attempt);
}

/// A port is free again, so the route has one at least.
void ConnectRun::free_port(const Attempt& attempt) noexcept {
  leave(attempt);
  if (attempt.route != Attempt::kNoRoute) set_full(routes_[attempt.route], false);
}

void ConnectRun::stop() noexcept {
  stopped_ = true;
  left_ = 0;
  retries_.clear();
}

}  // namespace connscale
