#include "base/error_names.h"

namespace connscale {

const char* error_name(int32_t code) noexcept {
  switch (code) {
#define XX(name, number, text) \
  case number:                 \
    return #name;
    CONNSCALE_ERRORS(XX)
#undef XX
    default:
      return "UNKNOWN";
  }
}

const char* error_text(int32_t code) noexcept {
  switch (code) {
#define XX(name, number, text) \
  case number:                 \
    return text;
    CONNSCALE_ERRORS(XX)
#undef XX
    default:
      return "unknown error";
  }
}

const char* call_name(Call call) noexcept {
  switch (call) {
#define XX(id, name) \
  case Call::k##id:  \
    return name;
    CONNSCALE_CALLS(XX)
#undef XX
  }
  return "";
}

}  // namespace connscale
