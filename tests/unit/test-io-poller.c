/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-io-poller.c: which descriptors are ready.
 */
#include "milter-io-poller.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN (G_GUINT64_CONSTANT (7) << 32 | 3)

static MilterIoPoller *poller;
static int fds[2];

static void
setup (void)
{
  poller = milter_io_poller_new (NULL);
  cr_assert (poller != NULL);
  cr_assert (socketpair (AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

static void
teardown (void)
{
  milter_io_poller_free (poller);
  close (fds[0]);
  close (fds[1]);
}

TestSuite (io_poller, .init = setup, .fini = teardown);

static guint
collect (void)
{
  MilterIoReady ready[4];
  guint n = milter_io_poller_collect (poller, ready, G_N_ELEMENTS (ready), /* wait_ms= */ 0);

  cr_assert (n <= 1);
  cr_assert (n == 0 || ready[0].token == TOKEN);
  return n ? ready[0].events : 0;
}

Test (io_poller, what_is_wanted_is_told_until_it_is_over)
{
  cr_assert (milter_io_poller_add (poller, fds[0], TOKEN, MILTER_IO_READABLE, NULL));
  cr_expect (collect () == 0);
  cr_assert (write (fds[1], "x", 1) == 1);
  cr_expect (collect () == MILTER_IO_READABLE);
  cr_expect (collect () == MILTER_IO_READABLE);
  milter_io_poller_set (poller, fds[0], TOKEN, MILTER_IO_READABLE | MILTER_IO_WRITABLE);
  cr_expect (collect () == (MILTER_IO_READABLE | MILTER_IO_WRITABLE));
  milter_io_poller_set (poller, fds[0], TOKEN, 0);
  cr_expect (collect () == 0);
  milter_io_poller_set (poller, fds[0], TOKEN, MILTER_IO_READABLE);
  cr_expect (collect () == MILTER_IO_READABLE);
  milter_io_poller_remove (poller, fds[0]);
  cr_expect (collect () == 0);
}

Test (io_poller, a_hangup_is_told_once_to_who_wants_nothing)
{
  cr_assert (milter_io_poller_add (poller, fds[0], TOKEN, 0, NULL));
  shutdown (fds[1], SHUT_RDWR);
  collect ();
  for (guint i = 0; i < 3; i++)
    cr_expect (collect () == 0);
  milter_io_poller_set (poller, fds[0], TOKEN, MILTER_IO_READABLE);
  cr_expect (collect () & MILTER_IO_READABLE);
}

Test (io_poller, its_own_descriptor_is_readable_when_one_is_ready)
{
  struct pollfd own = { .fd = milter_io_poller_get_fd (poller), .events = POLLIN };

  cr_assert (milter_io_poller_add (poller, fds[0], TOKEN, MILTER_IO_READABLE, NULL));
  cr_expect (poll (&own, 1, 0) == 0);
  cr_assert (write (fds[1], "x", 1) == 1);
  cr_expect (poll (&own, 1, 0) == 1);
}

Test (io_poller, a_descriptor_that_is_none_is_an_error)
{
  g_autoptr (GError) error = NULL;

  cr_expect (!milter_io_poller_add (poller, -1, TOKEN, MILTER_IO_READABLE, &error));
  cr_expect (error != NULL);
}

/* guests */

Test (io_poller, a_wait_keeps_what_it_brought_for_the_next_collect)
{
  guint guests = 0;

  cr_assert (milter_io_poller_add_guest (poller, fds[1], 2));
  cr_assert (milter_io_poller_add (poller, fds[0], TOKEN, MILTER_IO_READABLE, NULL));
  cr_expect (milter_io_poller_wait (poller, /* timeout_ms= */ 0, &guests) == 0);
  cr_expect (guests == 0 && !milter_io_poller_has_kept (poller));
  cr_assert (write (fds[1], "x", 1) == 1);
  cr_expect (milter_io_poller_wait (poller, /* timeout_ms= */ -1, &guests) == 1);
  cr_expect (guests == 0 && milter_io_poller_has_kept (poller));
  /* it has gone meanwhile, but that was not asked */
  cr_assert (read (fds[0], &(char){ 0 }, 1) == 1);
  cr_expect (collect () == MILTER_IO_READABLE);
  cr_expect (collect () == 0 && !milter_io_poller_has_kept (poller));
}

Test (io_poller, a_guest_wakes_who_waits_and_is_no_result)
{
  guint guests = 0;

  cr_assert (milter_io_poller_add_guest (poller, fds[1], 2));
  cr_assert (write (fds[0], "x", 1) == 1);
  cr_expect (milter_io_poller_wait (poller, /* timeout_ms= */ -1, &guests) == 0);
  cr_expect (guests == 1u << 2);
  cr_expect (collect () == 0);
  milter_io_poller_remove_guest (poller, fds[1]);
  guests = 0;
  cr_expect (milter_io_poller_wait (poller, /* timeout_ms= */ 0, &guests) == 0 && guests == 0);
}

Test (io_poller, what_was_kept_can_be_collected_in_parts)
{
  MilterIoReady ready[4];
  guint guests = 0;

  cr_assert (milter_io_poller_add (poller, fds[0], TOKEN, MILTER_IO_WRITABLE, NULL));
  cr_assert (milter_io_poller_add (poller, fds[1], TOKEN + 1, MILTER_IO_WRITABLE, NULL));
  cr_expect (milter_io_poller_wait (poller, /* timeout_ms= */ 0, &guests) == 2);
  cr_expect (milter_io_poller_collect (poller, ready, 1, /* wait_ms= */ 0) == 1);
  cr_expect (milter_io_poller_has_kept (poller));
  cr_expect (milter_io_poller_collect (poller, ready + 1, 3, /* wait_ms= */ 0) == 1);
  cr_expect (ready[0].token != ready[1].token && !milter_io_poller_has_kept (poller));
}
