#include "base/error_names.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <string>

using connscale::Call;
using connscale::call_name;
using connscale::error_name;
using connscale::error_text;
namespace error = connscale::error;

TEST_CASE("an error has its name and one phrase") {
  CHECK(std::string(error_name(error::kEADDRINUSE)) == "EADDRINUSE");
  CHECK(std::string(error_text(error::kEADDRINUSE)) == "address already in use");
  CHECK(std::string(error_name(0)) == "UNKNOWN");
  CHECK(std::string(error_name(-error::kEADDRINUSE)) == "UNKNOWN");
  CHECK(std::string(error_text(99'999)) == "unknown error");
}

TEST_CASE("portable numbers are this kernel's") {
#define XX(name, number, text) CHECK_MESSAGE(error::k##name == name, #name);
  CONNSCALE_ERRORS(XX)
#undef XX
}

TEST_CASE("numbers and names are unique, and fit where a connection keeps them") {
  std::set<int32_t> numbers;
  std::set<std::string> names;
  size_t count = 0;
#define XX(name, number, text)      \
  numbers.insert(number);           \
  names.insert(error_name(number)); \
  CHECK(number <= UINT8_MAX);       \
  ++count;
  CONNSCALE_ERRORS(XX)
#undef XX
  CHECK(numbers.size() == count);
  CHECK(names.size() == count);
}

TEST_CASE("a call has the name of its manual page") {
  CHECK(std::string(call_name(Call::kAccept)) == "accept4");
  CHECK(std::string(call_name(Call::kNone)).empty());
  CHECK(std::string(call_name(static_cast<Call>(200))).empty());
}
