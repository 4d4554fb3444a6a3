#include "binding/args.h"

#include <cmath>
#include <cstring>

#include "base/limits.h"
#include "platform.h"

namespace connscale::binding {

Fields::Fields(Napi::Env env, const Napi::Value& value) : env_(env) {
  if (value.IsObject()) {
    object_ = value.As<Napi::Object>();
  } else {
    fail("argument", "an object");
  }
}

void Fields::fail(const char* name, const char* expected) {
  if (ok_ && !env_.IsExceptionPending()) {
    Napi::TypeError::New(env_, std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
  }
  ok_ = false;
}

Napi::Value Fields::get(const char* name) {
  if (!ok_) return env_.Undefined();
  Napi::Value value = object_.Get(name);
  if (env_.IsExceptionPending()) ok_ = false;
  return ok_ ? value : env_.Undefined();
}

double Fields::number(const char* name) {
  const Napi::Value value = get(name);
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  fail(name, "a number");
  return 0;
}

uint32_t Fields::u32(const char* name) {
  const double value = number(name);
  if (value >= 0 && value <= UINT32_MAX && std::floor(value) == value) return static_cast<uint32_t>(value);
  fail(name, "an unsigned 32-bit integer");
  return 0;
}

bool Fields::flag(const char* name) {
  const Napi::Value value = get(name);
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  fail(name, "a boolean");
  return false;
}

std::string Fields::text(const char* name) {
  const Napi::Value value = get(name);
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  fail(name, "a string");
  return {};
}

Napi::Function Fields::function(const char* name) {
  const Napi::Value value = get(name);
  if (value.IsFunction()) return value.As<Napi::Function>();
  fail(name, "a function");
  return {};
}

Napi::ArrayBuffer Fields::array_buffer(const char* name) {
  const Napi::Value value = get(name);
  if (value.IsArrayBuffer()) return value.As<Napi::ArrayBuffer>();
  fail(name, "an ArrayBuffer");
  return {};
}

SocketAddress Fields::address(const char* name) {
  SocketAddress address;
  const std::string host = text(name);
  if (ok_ && !platform::parse_address(host.c_str(), &address)) fail(name, "an IP address");
  return address;
}

std::vector<OptionValue> Fields::options(const char* name) {
  std::vector<OptionValue> options;
  const Napi::Value value = get(name);
  if (!value.IsArray()) {
    fail(name, "an array of row and value, alternating");
    return options;
  }
  const auto pairs = value.As<Napi::Array>();
  for (uint32_t i = 0; ok_ && i + 1 < pairs.Length(); i += 2) {
    const Napi::Value row = pairs.Get(i);
    const Napi::Value setting = pairs.Get(i + 1);
    if (!row.IsNumber() || !setting.IsNumber()) {
      fail(name, "an array of numbers");
      break;
    }
    options.push_back({row.As<Napi::Number>().Uint32Value(), setting.As<Napi::Number>().Int64Value()});
  }
  return options;
}

std::vector<uint32_t> Fields::integers(const char* name) {
  std::vector<uint32_t> integers;
  const Napi::Value value = get(name);
  if (!value.IsArray()) {
    fail(name, "an array of integers");
    return integers;
  }
  const auto items = value.As<Napi::Array>();
  for (uint32_t i = 0; ok_ && i < items.Length(); ++i) {
    const Napi::Value item = items.Get(i);
    const double number = item.IsNumber() ? item.As<Napi::Number>().DoubleValue() : -1;
    if (number >= 0 && number <= UINT32_MAX && std::floor(number) == number) {
      integers.push_back(static_cast<uint32_t>(number));
    } else {
      fail(name, "an array of unsigned 32-bit integers");
    }
  }
  return integers;
}

std::vector<uint8_t> Fields::bytes(const char* name) {
  const Napi::Value value = get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    fail(name, "a Uint8Array");
    return {};
  }
  const auto array = value.As<Napi::Uint8Array>();
  const uint8_t* const data = array.Data();
  return data == nullptr ? std::vector<uint8_t>{} : std::vector<uint8_t>(data, data + array.ByteLength());
}

std::vector<AddressRecord> Fields::records(const char* name) {
  constexpr size_t kPairBytes = 2 * sizeof(AddressRecord);
  const Napi::Value value = get(name);
  const bool typed = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  const size_t length = typed ? value.As<Napi::TypedArray>().ByteLength() : 0;
  if (!typed || length % kPairBytes != 0 || length / kPairBytes > kQueryRangesMax) {
    fail(name, "a Uint8Array of address records in pairs, at most 4,096");
    return {};
  }
  std::vector<AddressRecord> records(length / sizeof(AddressRecord));
  if (length > 0) std::memcpy(records.data(), value.As<Napi::Uint8Array>().Data(), length);
  return records;
}

namespace {

AddressRange to_range(const AddressRecord& first, const AddressRecord& last) {
  const SocketAddress low = SocketAddress::from(first);
  return {low.family, low.bytes, SocketAddress::from(last).bytes};
}

}  // namespace

std::vector<AddressRange> Fields::ranges(const char* name) {
  std::vector<AddressRange> ranges;
  const std::vector<AddressRecord> pairs = records(name);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    ranges.push_back(to_range(pairs[i], pairs[i + 1]));
    if (ranges.back().family == Family::kNone) fail(name, "addresses of a family");
  }
  return ranges;
}

std::vector<Destination> Fields::destinations(const char* name) {
  std::vector<Destination> destinations;
  const std::vector<AddressRecord> pairs = records(name);
  for (size_t i = 0; i < pairs.size(); i += 2)
    destinations.push_back({to_range(pairs[i], pairs[i + 1]), pairs[i].port});
  return destinations;
}

Napi::Object to_object(Napi::Env env, const SocketAddress& address) {
  char text[platform::kAddressTextMax];
  platform::format_address(address, text);
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", Napi::String::New(env, text));
  object.Set("port", Napi::Number::New(env, address.port));
  object.Set("family", Napi::String::New(env, address.family == Family::kIPv4 ? "IPv4" : "IPv6"));
  return object;
}

Napi::Object to_object(Napi::Env env, SysError failure) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", Napi::Number::New(env, failure.code));
  object.Set("syscall", Napi::String::New(env, call_name(failure.call)));
  return object;
}

}  // namespace connscale::binding
