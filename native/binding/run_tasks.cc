#include "binding/run_tasks.h"

#include <cstring>
#include <utility>

namespace connscale::binding {

namespace {

// As lib/loop/address-pool.ts writes them.
struct RangeRecord {
  AddressRecord first;
  uint32_t count;
  uint32_t reserved;
};
static_assert(sizeof(RangeRecord) == 32);

struct TupleRecord {
  AddressRecord source;
  AddressRecord destination;
};

template <typename Record, typename Function>
void each_record(const std::vector<uint8_t>& bytes, Function function) {
  for (size_t at = 0; at + sizeof(Record) <= bytes.size(); at += sizeof(Record)) {
    Record record;
    std::memcpy(&record, bytes.data() + at, sizeof(record));
    function(record);
  }
}

PortChoice choice_of(bool is_explicit, const std::vector<PortInterval>& intervals) {
  if (is_explicit) return PortChoice::kExplicit;
  return intervals.empty() ? PortChoice::kKernel : PortChoice::kRange;
}

std::vector<PortInterval> intervals_of(const std::vector<uint32_t>& ends) {
  std::vector<PortInterval> intervals;
  for (size_t i = 0; i + 1 < ends.size(); i += 2) {
    if (ends[i] > ends[i + 1] || ends[i + 1] > UINT16_MAX) continue;
    intervals.push_back({static_cast<uint16_t>(ends[i]), static_cast<uint16_t>(ends[i + 1])});
  }
  return intervals;
}

RetryPolicy retry_of(Fields& fields) {
  RetryPolicy retry;
  for (const uint32_t code : fields.integers("retryCodes")) {
    if (code < RetryPolicy::kCodes) retry.codes[code] = true;
  }
  retry.attempts = fields.u32("retryAttempts");
  retry.delay_ms = fields.u32("retryDelayMs");
  return retry;
}

/// Of one family, and not empty: what the engine relies on.
bool sound(const ConnectPlan& plan) {
  if (plan.destinations.empty() || plan.in_flight_max == 0 || plan.retry.attempts == 0) return false;
  const Family family = plan.destinations.front().family;
  if (family == Family::kNone) return false;
  for (const SocketAddress& destination : plan.destinations) {
    if (destination.family != family) return false;
  }
  uint64_t sources = 0;
  for (const SourceRange& range : plan.sources) {
    if (range.first.family != family || range.count == 0) return false;
    sources += range.count;
  }
  const bool has_ports = plan.ports == PortChoice::kKernel || !plan.intervals.empty();
  return sources <= kSourcesMax && has_ports;
}

}  // namespace

ConnectManyTask::ConnectManyTask(Fields& fields) {
  each_record<AddressRecord>(fields.bytes("destinations"), [this](const AddressRecord& record) {
    plan_.destinations.push_back(SocketAddress::from(record));
  });
  each_record<RangeRecord>(fields.bytes("sources"), [this](const RangeRecord& record) {
    plan_.sources.push_back({SocketAddress::from(record.first), record.count});
  });
  each_record<TupleRecord>(fields.bytes("taken"), [this](const TupleRecord& record) {
    plan_.taken.push_back({SocketAddress::from(record.source), SocketAddress::from(record.destination)});
  });
  plan_.strategy = fields.flag("leastUsed") ? SourceStrategy::kLeastUsed : SourceStrategy::kRoundRobin;
  plan_.intervals = intervals_of(fields.integers("intervals"));
  plan_.ports = choice_of(fields.flag("explicitPorts"), plan_.intervals);
  plan_.count = fields.u32("count");
  plan_.in_flight_max = fields.u32("inFlightMax");
  plan_.rate_per_second = fields.number("ratePerSecond");
  plan_.retry = retry_of(fields);
  plan_.handlers = fields.u32("handlers") & kHandlersMask;
  plan_.connect_ticks = static_cast<uint16_t>(fields.u32("connectTimeoutTicks"));
  plan_.idle_ticks = static_cast<uint16_t>(fields.u32("idleTimeoutTicks"));
  plan_.options = fields.options("options");
  if (fields.ok() && !sound(plan_)) fields.refuse("plan", "destinations and sources of one family, with ports");
}

Napi::Value ConnectManyTask::outcome(Napi::Env env) {
  if (!started_.ok()) return to_object(env, started_.failure());
  Napi::Object object = Napi::Object::New(env);
  object.Set("run", Napi::Number::New(env, index_));
  return object;
}

}  // namespace connscale::binding
