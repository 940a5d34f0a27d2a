/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load-mta.c: many connections at once to a milter, each of which sends the same message again and
 * again, and waits for each answer that is due.
 *
 * usage: load-mta messages SPEC CONNECTIONS AMOUNT
 *        load-mta connections SPEC CONNECTIONS AMOUNT
 *        load-mta set-ups SPEC CONNECTIONS AMOUNT
 *        load-mta idle SPEC CONNECTIONS
 *
 * AMOUNT: so many in all, or, as `2s`, as many as fit into so many seconds. `connections` sends each message
 * on a connection of its own. A set-up is a connection that negotiates and quits. `idle` negotiates, says "ready" and waits for the end of its input.
 * Commands that the milter negotiated not to answer are sent together with the next one that it
 * answers. Prints how many there were and how many a second.
 */
#include <sys/resource.h>
#include <time.h>

#include "workload.h"

#define MAX_EVENTS 256

/* CONNECT and HELO, whose answers nobody counts */
#define NO_REPLY_CONNECT (1u << 12)
#define NO_REPLY_HELO    (1u << 13)

typedef enum
{
  NEGOTIATING,
  GREETING, /* answers to CONNECT and HELO are due */
  SENDING
} State;

typedef struct
{
  int fd;
  State state;
  uint32_t steps;
  unsigned n_due;  /* answers, before it goes on */
  size_t next;     /* command */
  size_t have;
  uint8_t input[512];
} Connection;

static enum { MESSAGES, CONNECTIONS, SET_UPS, IDLE } mode;
static const char *spec;
static int epoll_fd;
static unsigned n_open, n_greeted;
static unsigned long n_begun, n_done, n_wanted; /* n_wanted 0: until the time is up */
static bool stopping;
static uint8_t message[8192];
static uint8_t *ends[N_COMMANDS]; /* of the commands in it */
static uint8_t offer[17], greeting[128], quit[5];
static size_t greeting_size;

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void
prepare (void)
{
  char body[BODY_SIZE];
  uint8_t *at = message;

  memset (body, 'x', sizeof body);
  for (size_t i = 0; i < N_COMMANDS; i++)
    ends[i] = at = put_command (at, i, body);
  put_frame (offer, 'O', offered, sizeof offered);
  put_frame (quit, 'Q', "", 0);
  at = put_frame (greeting, 'C', client, sizeof client);
  greeting_size = (size_t) (put_frame (at, 'H', "client", 7) - greeting);
}

static void
open_connection (Connection *connection)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

  *connection = (Connection){ .fd = open_socket (spec, false) };
  if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
    die ("epoll_ctl");
  n_open++;
  write_all (connection->fd, offer, sizeof offer);
}

static void
close_connection (Connection *connection)
{
  write_all (connection->fd, quit, sizeof quit);
  close (connection->fd);
  connection->fd = -1;
  n_open--;
}

/* another one may begin */
static bool
begin (void)
{
  if (stopping || (n_wanted > 0 && n_begun >= n_wanted))
    return false;
  n_begun++;
  return true;
}

static void
send_on (Connection *connection)
{
  size_t first = connection->next, last = first;

  while ((connection->steps & commands[last].no_reply) != 0)
    last++;
  connection->next = last + 1;
  connection->n_due = 1;
  write_all (connection->fd,
             first > 0 ? ends[first - 1] : message,
             (size_t) (ends[last] - (first > 0 ? ends[first - 1] : message)));
}

static void
begin_message (Connection *connection)
{
  connection->next = 0;
  /* of one that has a single message, it was counted when it was opened */
  if (mode == CONNECTIONS || begin ())
    send_on (connection);
  else
    close_connection (connection);
}

static void
greet (Connection *connection)
{
  connection->state = GREETING;
  connection->n_due = ((connection->steps & NO_REPLY_CONNECT) == 0)
                      + ((connection->steps & NO_REPLY_HELO) == 0);
  write_all (connection->fd, greeting, greeting_size);
  if (connection->n_due > 0)
    return;
  connection->state = SENDING;
  begin_message (connection);
}

/* the next one instead of it */
static void
renew_connection (Connection *connection)
{
  n_done++;
  close_connection (connection);
  if (begin ())
    open_connection (connection);
}

static void
take_answer (Connection *connection, const uint8_t *frame)
{
  uint32_t steps;

  if (connection->state == NEGOTIATING && frame[4] == 'O')
    {
      memcpy (&steps, frame + 13, 4);
      connection->steps = ntohl (steps);
      n_greeted++;
      if (mode == MESSAGES || mode == CONNECTIONS)
        greet (connection);
      else if (mode == SET_UPS)
        renew_connection (connection);
      return;
    }
  if (connection->state == NEGOTIATING || frame[4] != 'c')
    {
      fprintf (stderr, "load-mta: unexpected answer %c\n", frame[4]);
      exit (1);
    }
  if (--connection->n_due > 0)
    return;
  if (connection->state == SENDING && connection->next < N_COMMANDS)
    {
      send_on (connection);
      return;
    }
  if (connection->state == SENDING && mode == CONNECTIONS)
    {
      renew_connection (connection);
      return;
    }
  n_done += connection->state == SENDING;
  connection->state = SENDING;
  begin_message (connection);
}

static void
read_answers (Connection *connection)
{
  int fd = connection->fd;
  ssize_t n = recv (fd,
                    connection->input + connection->have,
                    sizeof connection->input - connection->have,
                    MSG_DONTWAIT);
  size_t used = 0;

  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    die ("the milter is gone: recv");
  connection->have += (size_t) n;
  while (connection->have - used >= 5)
    {
      uint32_t length;

      memcpy (&length, connection->input + used, 4);
      length = ntohl (length);
      if (length > sizeof connection->input - 4)
        die ("an answer that is too long");
      if (connection->have - used < 4 + (size_t) length)
        break;
      used += 4 + length;
      take_answer (connection, connection->input + used - 4 - length);
      /* it was closed, and maybe opened anew */
      if (connection->fd != fd || connection->have == 0)
        return;
    }
  connection->have -= used;
  memmove (connection->input, connection->input + used, connection->have);
}

static void
serve (double end)
{
  struct epoll_event events[MAX_EVENTS];
  int n = epoll_wait (epoll_fd, events, MAX_EVENTS, 1000);

  for (int i = 0; i < n; i++)
    {
      Connection *connection = events[i].data.ptr;

      if (connection->fd >= 0)
        read_answers (connection);
    }
  stopping = stopping || (end > 0 && now () >= end);
}

int
main (int argc, char **argv)
{
  static const char *const modes[] = { "messages", "connections", "set-ups", "idle" };
  struct rlimit limit;
  Connection *connections;
  unsigned long n_connections = argc >= 4 ? strtoul (argv[3], NULL, 10) : 0;
  double start, seconds = 0;

  while (argc > 1 && mode <= IDLE && strcmp (argv[1], modes[mode]) != 0)
    mode++;
  if (argc != (mode == IDLE ? 4 : 5) || mode > IDLE || n_connections == 0)
    {
      fprintf (stderr,
               "usage: load-mta messages|connections|set-ups SPEC CONNECTIONS AMOUNT\n"
               "       load-mta idle SPEC CONNECTIONS\n");
      return 2;
    }
  if (mode != IDLE && argv[4][strlen (argv[4]) - 1] == 's')
    seconds = strtod (argv[4], NULL);
  else if (mode != IDLE)
    n_wanted = strtoul (argv[4], NULL, 10);
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  spec = argv[2];
  prepare ();
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  connections = calloc (n_connections, sizeof *connections);
  if (epoll_fd < 0 || connections == NULL)
    die ("load-mta");

  start = now ();
  for (unsigned long i = 0; i < n_connections; i++)
    if ((mode != SET_UPS && mode != CONNECTIONS) || begin ())
      open_connection (&connections[i]);
  while (mode == IDLE ? n_greeted < n_connections : n_open > 0)
    serve (seconds > 0 ? start + seconds : 0);
  if (mode == IDLE)
    {
      printf ("ready\n");
      fflush (stdout);
      while (getchar () != EOF)
        ;
    }
  else
    printf ("%lu %.1f\n", n_done, (double) n_done / (now () - start));
  free (connections);
  return 0;
}
