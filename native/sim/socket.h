// One socket of the world: what the kernel keeps of it, and the peer at the other end.
#ifndef CONNSCALE_SIM_SOCKET_H_
#define CONNSCALE_SIM_SOCKET_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "base/socket_address.h"
#include "base/socket_option.h"

namespace connscale::sim {

inline constexpr uint64_t kNever = UINT64_MAX;

enum class Answer : uint8_t { kNone, kAccepted, kRefused };

struct Socket {
  uint32_t number = 0;
  bool owned = false;  // a descriptor refers to it
  SocketAddress local;
  SocketAddress remote;
  std::vector<OptionValue> options;

  // A listening socket.
  bool listening = false;
  uint32_t backlog = 0;
  std::deque<uint32_t> queue;
  uint32_t accept_limit = 0;
  int32_t accept_failure = 0;  // of the next accept, when a test says so
  uint32_t turned_away = 0;    // accepted or shed only to be reset

  // A connection, as its peer sees it. What the peer sends is the stream of the socket's number.
  Answer answer = Answer::kNone;
  bool unanswered = false;  // and stays so
  int32_t refusal = 0;      // errors are positive here
  uint64_t sent = 0;
  bool ended = false;
  bool reset = false;
  bool gone = false;  // closed on our side: the peer has nobody to talk to
  std::vector<uint8_t> delivered;
  uint32_t space = 0;  // what the send buffer still takes
  bool saw_end = false;
  bool saw_reset = false;

  // The same connection, as the engine was told of it.
  uint32_t listener = 0;          // the listening socket it came through
  uint64_t received = 0;          // of what was sent
  std::vector<int32_t> failures;  // errors that were reported: the first that the engine looks at ends the connection
  uint32_t shortfalls = 0;        // sends that did not take all they were given at once
  uint64_t started_ms = kNever;   // connect
  uint64_t active_ms = kNever;    // bytes moved, or were tried to
  bool aborted = false;           // closed with a reset
  uint64_t closed_ms = kNever;    // close was called
};

}  // namespace connscale::sim

#endif  // CONNSCALE_SIM_SOCKET_H_
