// A value or the error of the call that should have made it. Errors are values here; nothing throws.
#ifndef CONNSCALE_BASE_RESULT_H_
#define CONNSCALE_BASE_RESULT_H_

#include <cassert>
#include <cstdint>
#include <utility>
#include <variant>

#include "base/error_names.h"

namespace connscale {

/// What failed: a portable error number (positive) and the call that reported it.
struct SysError {
  int32_t code = 0;
  Call call = Call::kNone;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(SysError failure) : state_(std::in_place_index<1>, failure) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  [[nodiscard]] T& value() noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] SysError failure() const noexcept { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, SysError> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(SysError failure) : failure_(failure) { assert(failure.code != 0); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return failure_.code == 0; }
  [[nodiscard]] SysError failure() const noexcept { return failure_; }

 private:
  SysError failure_;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_RESULT_H_
