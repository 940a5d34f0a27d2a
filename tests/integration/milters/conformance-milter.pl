#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A milter on Sendmail::PMilter (Debian: libsendmail-pmilter-perl) that does what messages of the conformance suite
# ask for, by the convention of docs/conformance.md, as far as this library can: it has no data, no unknown, no
# insert, no change of the sender, and replies of one line only.
#
# usage: conformance-milter.pl SOCKET
use strict;
use warnings;
use Sendmail::PMilter qw(:all);
use Socket qw(:DEFAULT inet_ntop sockaddr_family unpack_sockaddr_in6);

my %verdicts = (
  continue => SMFIS_CONTINUE,
  reject => SMFIS_REJECT,
  tempfail => SMFIS_TEMPFAIL,
  discard => SMFIS_DISCARD,
  accept => SMFIS_ACCEPT,
  reply => SMFIS_REJECT,
);

sub state_of {
  my ($ctx) = @_;
  $ctx->setpriv({connect => '', helo => '', connect_macro => ''}) unless $ctx->getpriv();
  return $ctx->getpriv();
}

sub begin_message {
  my ($state) = @_;
  @$state{qw(mail mail_macro at_eoh at_body size sum)} = ('', '', '', '', 0, 0);
  @$state{qw(rcpts rcpt_macros names values)} = ([], [], [], []);
}

sub macro {
  my ($ctx, $name) = @_;
  return $ctx->getsymval($name) // '(none)';
}

sub first_word {
  my ($text, $stops) = @_;
  $text =~ s/^<//;
  return lc((split /[$stops]/, $text, 2)[0] // '');
}

# the text behind the word that was taken stays in the argument
sub take_word {
  $_[0] =~ s/^[ \t]*([^ \t]*)[ \t]?[ ]*//;
  return $1;
}

sub answer {
  my ($ctx, $word) = @_;
  # a percent sign is doubled by who writes it
  $ctx->setreply(554, '5.7.1', 'Not today, 100%% sure') if $word eq 'reply';
  return $verdicts{$word} // SMFIS_CONTINUE;
}

sub describe_address {
  my ($address) = @_;
  return 'unknown' unless defined $address;
  my $family = sockaddr_family($address);
  return 'unix' if $family == AF_UNIX;
  my ($port, $ip) = $family == AF_INET ? unpack_sockaddr_in($address) : unpack_sockaddr_in6($address);
  return join ' ', $family == AF_INET ? 4 : 6, inet_ntop($family, $ip), $port;
}

# -- what a message asks for ---------------------------------------------------------------------

sub tell {
  my ($ctx, $state, $what) = @_;
  my $rest = $what;
  my $word = take_word($rest);
  my @fields = map { [$state->{names}[$_], $state->{values}[$_]] } 0 .. $#{$state->{names}};
  my %things = (
    connect => sub { $state->{connect} },
    helo => sub { $state->{helo} },
    mail => sub { $state->{mail} },
    rcpts => sub { @{$state->{rcpts}} . ' ' . join ', ', @{$state->{rcpts}} },
    names => sub { join ', ', @{$state->{names}} },
    header => sub { join '', map { "[$_->[1]]" } grep { lc $_->[0] eq lc $rest } @fields },
    body => sub { "$state->{size} bytes, sum $state->{sum}" },
    macro => sub { defined $ctx->getsymval($rest) ? '[' . $ctx->getsymval($rest) . ']' : '(none)' },
    'macros-at' => sub {
      $rest eq 'connect' ? $state->{connect_macro}
        : $rest eq 'mail' ? $state->{mail_macro}
        : join ' ', @{$state->{rcpt_macros}};
    },
  );
  $ctx->addheader('X-Told', "$what = " . $things{$word}->()) if $things{$word};
}

sub make_lines {
  my ($size) = @_;
  return substr join('', map { chr(97 + $_ % 26) x 70 . "\r\n" } 0 .. $size / 72), 0, $size;
}

my %acts = (
  add => sub { my ($ctx, $state, $text) = @_; my $name = take_word($text); $ctx->addheader($name, $text) },
  change => sub {
    my ($ctx, $state, $text) = @_;
    my ($index, $name) = (take_word($text), take_word($text));
    $ctx->chgheader($name, $index, $text);
  },
  delete => sub { my ($ctx, $state, $text) = @_; my $index = take_word($text); $ctx->chgheader($text, $index, '') },
  'delete-all' => sub {
    my ($ctx, $state, $text) = @_;
    $ctx->chgheader($text, $_, '') for reverse 1 .. grep { lc eq lc $text } @{$state->{names}};
  },
  body => sub { $_[0]->replacebody("$_[2]\r\n") },
  bigbody => sub { $_[0]->replacebody(make_lines($_[2])) },
  bigheader => sub { $_[0]->addheader('X-Big', 'x' x $_[2]) },
  quarantine => sub { $_[0]->quarantine($_[2]) },
  addrcpt => sub { $_[0]->addrcpt($_[2]) },
  delrcpt => sub { $_[0]->delrcpt($_[2]) },
  progress => sub { $_[0]->progress() for 1 .. $_[2] },
  tell => \&tell,
);

sub set_reply {
  my ($ctx, $text) = @_;
  my ($code, $extended) = (take_word($text), take_word($text));
  $text =~ s/%/%%/g;
  $ctx->setreply($code, $extended, $text);
  return $code =~ /^4/ ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

sub act {
  my ($ctx, $state, $text, $verdict) = @_;
  my $word = take_word($text);
  # what the library refuses is not done
  eval { $acts{$word}->($ctx, $state, $text) } if $acts{$word};
  return set_reply($ctx, $text) if $word eq 'reply' && $text ne '';
  return exists $verdicts{$word} ? answer($ctx, $word) : $verdict;
}

# -- what comes ----------------------------------------------------------------------------------

my %callbacks = (
  connect => sub {
    my ($ctx, $host, $address) = @_;
    my $state = state_of($ctx);
    $state->{connect} = "$host " . describe_address($address);
    $state->{connect_macro} = macro($ctx, '{client_addr}');
    return answer($ctx, first_word($host, '.'));
  },
  helo => sub {
    my ($ctx, $name) = @_;
    state_of($ctx)->{helo} = $name;
    return answer($ctx, first_word($name, '.'));
  },
  envfrom => sub {
    my ($ctx, @arguments) = @_;
    my $state = state_of($ctx);
    begin_message($state);
    $state->{mail} = join ' ', @arguments;
    $state->{mail_macro} = macro($ctx, '{mail_addr}');
    return answer($ctx, first_word($arguments[0], '@>'));
  },
  envrcpt => sub {
    my ($ctx, @arguments) = @_;
    my $state = state_of($ctx);
    my $word = first_word($arguments[0], '@>');
    push @{$state->{rcpt_macros}}, macro($ctx, '{rcpt_addr}');
    push @{$state->{rcpts}}, join ' ', @arguments
      unless exists $verdicts{$word} || macro($ctx, '{rcpt_mailer}') eq 'error';
    return answer($ctx, $word);
  },
  header => sub {
    my ($ctx, $name, $value) = @_;
    my $state = state_of($ctx);
    push @{$state->{names}}, $name;
    push @{$state->{values}}, $value;
    my $text = $value;
    my $word = take_word($text);
    $state->{"at_$word"} = $text if lc $name eq 'x-at' && $word =~ /^(?:eoh|body)$/;
    return answer($ctx, lc $name eq 'x-now' ? $word : '');
  },
  eoh => sub { my ($ctx) = @_; return answer($ctx, state_of($ctx)->{at_eoh} // '') },
  body => sub {
    my ($ctx, $chunk) = @_;
    my $state = state_of($ctx);
    $state->{size} += length $chunk;
    $state->{sum} += unpack '%32C*', $chunk;
    return answer($ctx, $state->{at_body} // '');
  },
  eom => sub {
    my ($ctx) = @_;
    my $state = state_of($ctx);
    my $verdict = SMFIS_CONTINUE;
    for my $number (0 .. $#{$state->{names} // []}) {
      $verdict = act($ctx, $state, $state->{values}[$number], $verdict) if lc $state->{names}[$number] eq 'x-act';
    }
    begin_message($state);
    return $verdict;
  },
  abort => sub { begin_message(state_of($_[0])); return SMFIS_CONTINUE },
);

my $milter = Sendmail::PMilter->new();
$milter->set_listen(100);
$milter->setconn($ARGV[0]) or exit 1;
$milter->register('conformance', \%callbacks, SMFI_CURR_ACTS | SMFIF_QUARANTINE) or exit 1;
$milter->main();
