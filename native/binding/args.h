// Reads what lib/ passes. The façade has validated it already; here only types are checked again, so that nothing that
// reaches this file can crash the process.
#ifndef CONNSCALE_BINDING_ARGS_H_
#define CONNSCALE_BINDING_ARGS_H_

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/socket_address.h"
#include "base/socket_option.h"
#include "base/socket_query.h"

namespace connscale::binding {

/// Fields of one argument object. After a missing or wrong field every read yields zero, and ok() is false with a
/// TypeError pending.
class Fields {
 public:
  Fields(Napi::Env env, const Napi::Value& value);

  [[nodiscard]] bool ok() const { return ok_; }
  /// For what is wrong with several fields together.
  void refuse(const char* name, const char* expected) { fail(name, expected); }
  double number(const char* name);
  uint32_t u32(const char* name);
  bool flag(const char* name);
  std::string text(const char* name);
  Napi::Function function(const char* name);
  Napi::ArrayBuffer array_buffer(const char* name);
  SocketAddress address(const char* name);
  std::vector<OptionValue> options(const char* name);
  /// Unsigned 32-bit integers.
  std::vector<uint32_t> integers(const char* name);
  /// The bytes of a Uint8Array, copied.
  std::vector<uint8_t> bytes(const char* name);
  /// A Uint8Array of AddressRecords in pairs: the first address and the last, both included; ports are ignored.
  std::vector<AddressRange> ranges(const char* name);
  /// The same with the port of each pair's first record, 0: any. Family 0: any address.
  std::vector<Destination> destinations(const char* name);

 private:
  Napi::Value get(const char* name);
  void fail(const char* name, const char* expected);
  std::vector<AddressRecord> records(const char* name);

  Napi::Env env_;
  Napi::Object object_;
  bool ok_ = true;
};

Napi::Object to_object(Napi::Env env, const SocketAddress& address);
Napi::Object to_object(Napi::Env env, SysError failure);

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_ARGS_H_
