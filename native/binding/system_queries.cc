#include "binding/system_queries.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "binding/socket_rows.h"
#include "engine/port_marks.h"
#include "engine/socket_census.h"
#include "platform.h"

namespace connscale::binding {

namespace {

constexpr SysError kNotRun{error::kECANCELED, Call::kNone};

Napi::Array to_array(Napi::Env env, const SocketStateCounts& states) {
  Napi::Array array = Napi::Array::New(env, states.size());
  for (uint32_t i = 0; i < states.size(); ++i)
    array.Set(i, Napi::Number::New(env, static_cast<double>(states[i])));
  return array;
}

/// Null: the kernel could not be tried.
Napi::Value to_value(Napi::Env env, const platform::BoundProbe& probe) {
  return probe.known() ? Napi::Boolean::New(env, probe.met()).As<Napi::Value>() : env.Null();
}

class CensusQuery : public SystemQuery {
 public:
  CensusQuery(Fields& fields, const Napi::Function& settled)
      : SystemQuery(settled), addresses_max_(fields.u32("addressesMax")) {}

 protected:
  void run() override {
    result_ = platform::for_each_socket(SocketQuery{}, &interrupted_, [&](const SocketRow& row) {
      if (!probe_.is(row)) census_.add(row);
      return true;
    });
  }

  Napi::Value outcome(Napi::Env env) override {
    if (!result_.ok()) return to_object(env, result_.failure());
    const auto number = [&](uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); };
    Napi::Object object = Napi::Object::New(env);
    object.Set("total", number(census_.total()));
    object.Set("ipv6", number(census_.ipv6()));
    object.Set("states", to_array(env, census_.states()));
    object.Set("addresses", number(census_.addresses()));
    object.Set("overflowed", Napi::Boolean::New(env, census_.overflowed()));
    object.Set("fullest", fullest(env));
    object.Set("boundListed", to_value(env, probe_));
    object.Set("interrupted", Napi::Boolean::New(env, interrupted_));
    return object;
  }

 private:
  /// Address and count, alternating.
  Napi::Array fullest(Napi::Env env) {
    Napi::Array array = Napi::Array::New(env);
    uint32_t index = 0;
    char text[platform::kAddressTextMax];
    for (const AddressCount& each : census_.fullest(addresses_max_)) {
      platform::format_address(each.address, text);
      array.Set(index++, Napi::String::New(env, text));
      array.Set(index++, Napi::Number::New(env, static_cast<double>(each.sockets)));
    }
    return array;
  }

  uint32_t addresses_max_;
  platform::BoundProbe probe_;
  SocketCensus census_;
  bool interrupted_ = false;
  Result<void> result_ = kNotRun;
};

class UsageQuery : public SystemQuery {
 public:
  UsageQuery(Fields& fields, const Napi::Function& settled)
      : SystemQuery(settled),
        query_(read_query(fields)),
        marks_(query_.sources.empty() ? AddressRange{} : query_.sources[0], query_.destinations) {}

 protected:
  void run() override {
    // Connections of the source to anywhere: those to other destinations tell which ports are shared.
    SocketQuery connections = query_;
    connections.destinations.clear();
    connections.states = kConnectedStates;
    result_ = walk(std::move(connections));
    // Listeners and bound sockets of all addresses: the kernel's own choice avoids their ports on every one.
    SocketQuery holders;
    holders.states = kUnconnectedStates;
    if (result_.ok()) result_ = walk(std::move(holders));
  }

  Napi::Value outcome(Napi::Env env) override {
    if (!result_.ok()) return to_object(env, result_.failure());
    Napi::Object object = Napi::Object::New(env);
    object.Set("marks", copy_bytes(env, marks_.marks().data(), marks_.marks().size()));
    object.Set("states", to_array(env, marks_.states()));
    object.Set("boundListed", to_value(env, probe_));
    object.Set("interrupted", Napi::Boolean::New(env, interrupted_));
    return object;
  }

 private:
  Result<void> walk(SocketQuery query) {
    return platform::for_each_socket(std::move(query), &interrupted_, [&](const SocketRow& row) {
      if (!probe_.is(row)) marks_.add(row);
      return true;
    });
  }

  SocketQuery query_;
  platform::BoundProbe probe_;
  PortMarks marks_;
  bool interrupted_ = false;
  Result<void> result_ = kNotRun;
};

class TakenQuery : public SystemQuery {
 public:
  TakenQuery(Fields& fields, const Napi::Function& settled)
      : SystemQuery(settled), query_(read_query(fields)), rows_(std::min(fields.u32("rowsMax"), kSocketRowsMax)) {}

 protected:
  void run() override {
    // First what has no destination and stands in the way of every one: it is little, and is never cut short.
    SocketQuery holders = query_;
    holders.states &= kUnconnectedStates;
    holders.wildcards = true;
    holders.destinations.clear();
    result_ = walk(std::move(holders));
    SocketQuery connections = std::move(query_);
    connections.states &= kConnectedStates;
    if (result_.ok()) result_ = walk(std::move(connections));
  }

  Napi::Value outcome(Napi::Env env) override {
    if (!result_.ok()) return to_object(env, result_.failure());
    Napi::Object object = Napi::Object::New(env);
    object.Set("rows", copy_bytes(env, rows_.data(), rows_.bytes()));
    object.Set("truncated", Napi::Boolean::New(env, truncated_));
    object.Set("boundListed", to_value(env, probe_));
    object.Set("interrupted", Napi::Boolean::New(env, interrupted_));
    return object;
  }

 private:
  Result<void> walk(SocketQuery query) {
    if (truncated_ || query.states == 0) return {};
    return platform::for_each_socket(std::move(query), &interrupted_, [&](const SocketRow& row) {
      if (!probe_.is(row)) truncated_ = !rows_.add(row);
      return !truncated_;
    });
  }

  SocketQuery query_;
  platform::BoundProbe probe_;
  SocketRows rows_;
  bool truncated_ = false;
  bool interrupted_ = false;
  Result<void> result_ = kNotRun;
};

template <typename Query>
std::unique_ptr<SystemQuery> make(Fields& fields, const Napi::Function& settled) {
  return std::make_unique<Query>(fields, settled);
}

struct NamedQuery {
  const char* name;
  std::unique_ptr<SystemQuery> (*make)(Fields&, const Napi::Function&);
};

constexpr NamedQuery kQueries[] = {
    {"portCensus", make<CensusQuery>},
    {"portUsage", make<UsageQuery>},
    {"takenPorts", make<TakenQuery>},
};

std::unique_ptr<SystemQuery> make_query(const std::string& name, Fields& fields, const Napi::Function& settled) {
  for (const NamedQuery& each : kQueries) {
    if (name == each.name) return each.make(fields, settled);
  }
  return nullptr;
}

/// The fullest queue of the listeners at this address.
Result<SocketRow> find_fullest(const SocketAddress& address) {
  SocketQuery query;
  query.family = address.family;
  query.states = state_bit(SocketState::kListen);
  query.source_port = address.port;
  query.sources = {AddressRange{address.family, address.bytes, address.bytes}};
  query.wildcards = true;
  SocketRow fullest;
  bool interrupted = false;
  const Result<void> walked = platform::for_each_socket(std::move(query), &interrupted, [&](const SocketRow& row) {
    // Its room is compared, not its length: of two queues the short one may be the full one.
    const auto room = [](const SocketRow& each) { return int64_t{each.send_queue} - each.receive_queue; };
    if (fullest.state != SocketState::kListen || room(row) < room(fullest)) fullest = row;
    return true;
  });
  if (!walked.ok()) return walked.failure();
  return fullest;
}

}  // namespace

void SystemQuery::start(std::unique_ptr<SystemQuery> query) { query.release()->Queue(); }

Napi::Value system_query(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[2].IsFunction()) {
    Napi::TypeError::New(env, "systemQuery takes a name, an object and a function").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Fields fields(env, info[1]);
  std::unique_ptr<SystemQuery> query =
      make_query(info[0].As<Napi::String>().Utf8Value(), fields, info[2].As<Napi::Function>());
  if (env.IsExceptionPending()) return env.Undefined();
  if (query == nullptr) {
    Napi::TypeError::New(env, "there is no such query").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  SystemQuery::start(std::move(query));
  return env.Undefined();
}

Napi::Value accept_queue(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  SocketAddress address = fields.address("address");
  address.port = static_cast<uint16_t>(fields.u32("port"));
  if (!fields.ok()) return env.Undefined();
  const Result<SocketRow> found = find_fullest(address);
  if (!found.ok()) return to_object(env, found.failure());
  if (found.value().state != SocketState::kListen) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object.Set("depth", Napi::Number::New(env, found.value().receive_queue));
  object.Set("limit", Napi::Number::New(env, found.value().send_queue));
  return object;
}

SocketQuery read_query(Fields& fields) {
  SocketQuery query;
  const uint32_t family = fields.u32("family");
  if (family == 4) query.family = Family::kIPv4;
  if (family == 6) query.family = Family::kIPv6;
  query.states = fields.u32("states");
  query.source_port = static_cast<uint16_t>(fields.u32("sourcePort"));
  query.sources = fields.ranges("sources");
  query.destinations = fields.destinations("destinations");
  return query;
}

Napi::Array socket_state_names(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env, kSocketStatesMax);
  for (uint32_t i = 0; i < kSocketStatesMax; ++i)
    names.Set(i, "");
#define XX(id, number, name) names.Set(uint32_t{number}, name);
  CONNSCALE_SOCKET_STATES(XX)
#undef XX
  return names;
}

}  // namespace connscale::binding
