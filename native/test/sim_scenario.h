// Steps that scenarios in a simulated world are made of.
#ifndef CONNSCALE_TEST_SIM_SCENARIO_H_
#define CONNSCALE_TEST_SIM_SCENARIO_H_

#include <doctest/doctest.h>

#include <vector>

#include "test/sim_loop.h"

namespace connscale::test {

inline SimLoopConfig config_with(uint32_t send_buffer_bytes) {
  SimLoopConfig config;
  config.temper.send_buffer_bytes = send_buffer_bytes;
  return config;
}

inline sim::Socket& listening_socket(SimLoop& loop) {
  for (uint32_t i = 0; i < loop.world().sockets(); ++i) {
    if (loop.world().socket(i).listening) return loop.world().socket(i);
  }
  FAIL("nobody listens");
  return loop.world().socket(0);
}

/// One turn, and what it reported of one kind.
inline std::vector<Completion> turn_for(SimLoop& loop, Operation wanted, int timeout_ms = 0) {
  REQUIRE(loop.turn(timeout_ms).ok());
  std::vector<Completion> found;
  for (const Completion& completion : loop.heard()) {
    if (static_cast<Operation>(completion.operation & 0xFF) == wanted) found.push_back(completion);
  }
  return found;
}

inline bool ask(SimLoop& loop, Request request, double id) {
  Submissions submissions;
  submissions.add(request, id);
  return loop.submit(submissions);
}

inline void write(Submissions& submissions, double id, uint32_t length, uint16_t flags = 0) {
  const std::vector<uint8_t> bytes(length, 'w');
  submissions.add(Request::kWrite, id, bytes.data(), length, flags);
}

/// An accepted connection and its socket.
struct Accepted {
  double id;
  sim::Socket& socket;
};
inline Accepted accept_one(SimLoop& loop) {
  if (loop.world().sockets() == 0) loop.listen(8);
  sim::Socket* const peer = loop.world().arrive(listening_socket(loop));
  REQUIRE(peer != nullptr);
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  REQUIRE(opened.size() == 1);
  return {opened[0].id, *peer};
}

/// Turns until something closes; time passes as the engine asks for it.
inline Completion turn_until_closed(SimLoop& loop) {
  for (int i = 0; i < 100; ++i) {
    const std::vector<Completion> closed = turn_for(loop, Operation::kClose, -1);
    if (!closed.empty()) return closed[0];
  }
  FAIL("nothing closes");
  return {};
}

inline double connect_id(uint32_t slot) { return ConnectionId{slot, 1}.encode(1); }

inline double start_connect(SimLoop& loop, const ConnectRecord& record, uint32_t slot = 16) {
  Submissions submissions;
  submissions.connect(connect_id(slot), record);
  REQUIRE(loop.submit(submissions));
  return connect_id(slot);
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_SCENARIO_H_
