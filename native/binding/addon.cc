// The addon's exports: the loop's native half, and the tables that both languages share.

#include <napi.h>

#include "base/completion.h"
#include "base/connection_id.h"
#include "base/counters.h"
#include "base/submission.h"
#include "binding/args.h"
#include "binding/loop_wrap.h"
#include "binding/socket_cursor.h"
#include "binding/system_queries.h"
#include "platform.h"

namespace connscale::binding {

namespace {

Napi::Array counter_names(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env);
  uint32_t index = 0;
#define XX(name, text) names.Set(index++, #name);
  CONNSCALE_COUNTERS(XX)
#undef XX
  return names;
}

Napi::Object errors(Napi::Env env) {
  Napi::Object table = Napi::Object::New(env);
#define XX(name, number, text)                  \
  {                                             \
    Napi::Array row = Napi::Array::New(env, 2); \
    row.Set(uint32_t{0}, #name);                \
    row.Set(uint32_t{1}, text);                 \
    table.Set(uint32_t{number}, row);           \
  }
  CONNSCALE_ERRORS(XX)
#undef XX
  return table;
}

Napi::Array calls(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env);
  uint32_t index = 0;
#define XX(id, name) names.Set(index++, name);
  CONNSCALE_CALLS(XX)
#undef XX
  return names;
}

const char* unit_name(OptionUnit unit) {
  switch (unit) {
    case OptionUnit::kFlag:
      return "flag";
    case OptionUnit::kCount:
      return "count";
    case OptionUnit::kBytes:
      return "bytes";
    default:
      return "milliseconds";
  }
}

Napi::Array socket_options(Napi::Env env) {
  Napi::Array rows = Napi::Array::New(env);
  uint32_t index = 0;
  for (const SocketOption& option : platform::socket_options()) {
    Napi::Object row = Napi::Object::New(env);
    row.Set("name", std::string(option.name));
    row.Set("unit", unit_name(option.unit));
    rows.Set(index++, row);
  }
  return rows;
}

/// Writes an IP address into the first 24 bytes of a Uint8Array, as AddressRecord. False: it is none.
Napi::Value encode_address(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  SocketAddress address;
  const bool typed = info[0].IsString() && info[1].IsTypedArray() &&
                     info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!typed || info[1].As<Napi::TypedArray>().ByteLength() < sizeof(AddressRecord)) {
    Napi::TypeError::New(env, "encodeAddress takes a string and 24 bytes").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const std::string text = info[0].As<Napi::String>().Utf8Value();
  if (!platform::parse_address(text.c_str(), &address)) return Napi::Boolean::New(env, false);
  const AddressRecord record = address.record();
  std::memcpy(info[1].As<Napi::Uint8Array>().Data(), &record, sizeof(record));
  return Napi::Boolean::New(env, true);
}

Napi::Object limits(Napi::Env env) {
  Napi::Object table = Napi::Object::New(env);
  const auto set = [&](const char* name, double value) { table.Set(name, Napi::Number::New(env, value)); };
  set("slotBits", kSlotBits);
  set("generationBits", kGenerationBits);
  set("loopBits", kLoopBits);
  set("connectionsMax", kConnectionsMax);
  set("batchMin", kBatchMin);
  set("batchMax", kBatchMax);
  set("receiveMin", kReceiveMin);
  set("tickMs", kTickMs);
  set("timeoutTicksMax", kTimeoutTicksMax);
  set("descriptorTablePresizeMax", kDescriptorTablePresizeMax);
  set("completionBytes", sizeof(Completion));
  set("submissionHeadBytes", sizeof(SubmissionHead));
  set("connectRecordBytes", sizeof(ConnectRecord));
  set("optionRecordBytes", sizeof(OptionRecord));
  set("addressRecordBytes", sizeof(AddressRecord));
  set("connectionBytes", sizeof(Connection));
  set("socketRecordBytes", sizeof(SocketRecord));
  set("socketRowsMax", kSocketRowsMax);
  set("queryRangesMax", kQueryRangesMax);
  return table;
}

Napi::Value descriptor_limit(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), platform::descriptor_limit());
}

/// What speaks against an address to connect from, or undefined. Takes an AddressRecord.
Napi::Value check_source(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const bool typed = info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!typed || info[0].As<Napi::TypedArray>().ByteLength() < sizeof(AddressRecord)) {
    Napi::TypeError::New(env, "checkSource takes 24 bytes").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  AddressRecord record;
  std::memcpy(&record, info[0].As<Napi::Uint8Array>().Data(), sizeof(record));
  const Result<void> checked = platform::check_source(SocketAddress::from(record));
  return checked.ok() ? env.Undefined() : to_object(env, checked.failure()).As<Napi::Value>();
}

Napi::Value has_socket_port_range(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), platform::has_socket_port_range());
}

Napi::Value can_leave_descriptor_table(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), platform::can_leave_descriptor_table());
}

}  // namespace

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeLoop", LoopWrap::define(env));
  exports.Set("counterNames", counter_names(env));
  exports.Set("errors", errors(env));
  exports.Set("calls", calls(env));
  exports.Set("socketOptions", socket_options(env));
  exports.Set("limits", limits(env));
  exports.Set("encodeAddress", Napi::Function::New<encode_address>(env, "encodeAddress"));
  exports.Set("descriptorLimit", Napi::Function::New<descriptor_limit>(env, "descriptorLimit"));
  exports.Set("checkSource", Napi::Function::New<check_source>(env, "checkSource"));
  exports.Set("hasSocketPortRange", Napi::Function::New<has_socket_port_range>(env, "hasSocketPortRange"));
  exports.Set("canLeaveDescriptorTable",
              Napi::Function::New<can_leave_descriptor_table>(env, "canLeaveDescriptorTable"));
  exports.Set("SocketCursor", SocketCursor::define(env));
  exports.Set("socketStates", socket_state_names(env));
  exports.Set("systemQuery", Napi::Function::New<system_query>(env, "systemQuery"));
  exports.Set("acceptQueue", Napi::Function::New<accept_queue>(env, "acceptQueue"));
  return exports;
}

NODE_API_MODULE(connscale, initialize)

}  // namespace connscale::binding
