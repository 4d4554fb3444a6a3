// Submissions as JavaScript writes them into its ring.
#ifndef CONNSCALE_TEST_SUBMISSIONS_H_
#define CONNSCALE_TEST_SUBMISSIONS_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/submission.h"

namespace connscale::test {

class Submissions {
 public:
  void add(Request request, double id, const void* payload = nullptr, uint32_t length = 0, uint16_t flags = 0) {
    const SubmissionHead head{id, static_cast<uint16_t>(request), flags, length};
    append(&head, sizeof(head));
    append(payload, length);
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
  }

  void connect(double id, const ConnectRecord& record, const std::vector<OptionRecord>& options = {}) {
    std::vector<uint8_t> payload(sizeof(record) + options.size() * sizeof(OptionRecord));
    std::memcpy(payload.data(), &record, sizeof(record));
    if (!options.empty()) {
      std::memcpy(payload.data() + sizeof(record), options.data(), options.size() * sizeof(OptionRecord));
    }
    add(Request::kConnect, id, payload.data(), static_cast<uint32_t>(payload.size()));
  }

  [[nodiscard]] std::vector<uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] const uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }

 private:
  void append(const void* from, size_t length) {
    const auto* first = static_cast<const uint8_t*>(from);
    if (length > 0) bytes_.insert(bytes_.end(), first, first + length);
  }

  std::vector<uint8_t> bytes_;
};

/// To a port of 127.0.0.1.
inline ConnectRecord connect_record(uint16_t port) {
  ConnectRecord record{};
  record.remote.family = 4;
  record.remote.port = port;
  record.remote.bytes[0] = 127;
  record.remote.bytes[3] = 1;
  return record;
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SUBMISSIONS_H_
