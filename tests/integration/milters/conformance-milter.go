// SPDX-License-Identifier: LGPL-2.1-or-later

// A milter on go-milter (Debian: golang-github-emersion-go-milter-dev) that does what messages of the conformance
// suite ask for, by the convention of docs/conformance.md, as far as this library can: it has no data, no unknown,
// no arguments of mail and rcpt and no skip.
//
//	conformance-milter SOCKET    unix:PATH or inet:PORT@HOST
package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"github.com/emersion/go-milter"
)

var verdicts = map[string]milter.Response{
	"continue": milter.RespContinue,
	"reject":   milter.RespReject,
	"tempfail": milter.RespTempFail,
	"discard":  milter.RespDiscard,
	"accept":   milter.RespAccept,
	"reply":    milter.NewResponseStr('y', "554 5.7.1 Not today, 100%% sure"),
	"multi":    milter.NewResponseStr('y', "550-5.7.2 first line\r\n550-5.7.2 second line\r\n550 5.7.2 third line"),
}

type field struct{ name, value string }

// The library makes a new one after abort, and after each verdict that ends something: what was known of the
// client is gone then.
type conformance struct {
	connect, helo, connectMacro string
	mail, mailMacro             string
	rcpts, rcptMacros           []string
	fields                      []field
	atEoh, atBody               string
	size, sum                   uint64
}

func firstWord(text string, stops string) string {
	text = strings.TrimPrefix(text, "<")
	if end := strings.IndexAny(text, stops); end >= 0 {
		text = text[:end]
	}
	return strings.ToLower(text)
}

func takeWord(text string) (string, string) {
	word, rest, _ := strings.Cut(strings.TrimLeft(text, " \t"), " ")
	return word, strings.TrimLeft(rest, " ")
}

func answer(word string) (milter.Response, error) {
	if verdict, found := verdicts[word]; found {
		return verdict, nil
	}
	return milter.RespContinue, nil
}

func macro(m *milter.Modifier, name string) string {
	if value, found := m.Macros[name]; found {
		return value
	}
	return "(none)"
}

// -- what comes ----------------------------------------------------------------------------------

func (c *conformance) Connect(host string, family string, port uint16, address net.IP, m *milter.Modifier) (milter.Response, error) {
	switch family {
	case "tcp4", "tcp6":
		c.connect = fmt.Sprintf("%s %s %s %d", host, strings.TrimPrefix(family, "tcp"), address, port)
	default:
		c.connect = host + " " + family
	}
	c.connectMacro = macro(m, "{client_addr}")
	return answer(firstWord(host, "."))
}

func (c *conformance) Helo(name string, m *milter.Modifier) (milter.Response, error) {
	c.helo = name
	return answer(firstWord(name, "."))
}

func (c *conformance) MailFrom(from string, m *milter.Modifier) (milter.Response, error) {
	*c = conformance{connect: c.connect, helo: c.helo, connectMacro: c.connectMacro}
	c.mail = "<" + from + ">"
	c.mailMacro = macro(m, "{mail_addr}")
	return answer(firstWord(from, "@"))
}

func (c *conformance) RcptTo(to string, m *milter.Modifier) (milter.Response, error) {
	word := firstWord(to, "@")
	c.rcptMacros = append(c.rcptMacros, macro(m, "{rcpt_addr}"))
	if _, found := verdicts[word]; !found && macro(m, "{rcpt_mailer}") != "error" {
		c.rcpts = append(c.rcpts, "<"+to+">")
	}
	return answer(word)
}

func (c *conformance) Header(name string, value string, m *milter.Modifier) (milter.Response, error) {
	word, rest := takeWord(value)
	c.fields = append(c.fields, field{name, value})
	switch {
	case strings.EqualFold(name, "X-At") && word == "eoh":
		c.atEoh = rest
	case strings.EqualFold(name, "X-At") && word == "body":
		c.atBody = rest
	case strings.EqualFold(name, "X-Now"):
		return answer(word)
	}
	return milter.RespContinue, nil
}

func (c *conformance) Headers(h textproto.MIMEHeader, m *milter.Modifier) (milter.Response, error) {
	return answer(c.atEoh)
}

func (c *conformance) BodyChunk(chunk []byte, m *milter.Modifier) (milter.Response, error) {
	c.size += uint64(len(chunk))
	for _, b := range chunk {
		c.sum += uint64(b)
	}
	return answer(c.atBody)
}

func (c *conformance) Body(m *milter.Modifier) (milter.Response, error) {
	var verdict milter.Response = milter.RespContinue

	for _, f := range c.fields {
		if strings.EqualFold(f.name, "X-Act") {
			verdict = c.act(m, f.value, verdict)
		}
	}
	*c = conformance{connect: c.connect, helo: c.helo, connectMacro: c.connectMacro}
	return verdict, nil
}

// -- what a message asks for ---------------------------------------------------------------------

func (c *conformance) count(name string) int {
	n := 0
	for _, f := range c.fields {
		if strings.EqualFold(f.name, name) {
			n++
		}
	}
	return n
}

func (c *conformance) told(m *milter.Modifier, what string) string {
	var text strings.Builder

	word, rest := takeWord(what)
	switch word {
	case "connect":
		return c.connect
	case "helo":
		return c.helo
	case "mail":
		return c.mail
	case "rcpts":
		return fmt.Sprintf("%d %s", len(c.rcpts), strings.Join(c.rcpts, ", "))
	case "body":
		return fmt.Sprintf("%d bytes, sum %d", c.size, c.sum)
	case "macro":
		if value, found := m.Macros[rest]; found {
			return "[" + value + "]"
		}
		return "(none)"
	case "macros-at":
		switch rest {
		case "connect":
			return c.connectMacro
		case "mail":
			return c.mailMacro
		}
		return strings.Join(c.rcptMacros, " ")
	}
	for i, f := range c.fields {
		if word == "names" && i > 0 {
			text.WriteString(", ")
		}
		if word == "names" {
			text.WriteString(f.name)
		}
		if word == "header" && strings.EqualFold(f.name, rest) {
			text.WriteString("[" + f.value + "]")
		}
	}
	return text.String()
}

func makeLines(size int) []byte {
	var body bytes.Buffer

	for i := 0; body.Len() < size; i++ {
		body.WriteString(strings.Repeat(string(rune('a'+i%26)), 70) + "\r\n")
	}
	return body.Bytes()[:size]
}

// the library puts brackets around
func bare(address string) string {
	return strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">")
}

func makeReply(text string) milter.Response {
	code, rest := takeWord(text)
	extended, rest := takeWord(rest)
	lines := strings.Split(strings.ReplaceAll(rest, "%", "%%"), " / ")
	for i := range lines {
		sign := "-"
		if i == len(lines)-1 {
			sign = " "
		}
		lines[i] = code + sign + extended + " " + lines[i]
	}
	return milter.NewResponseStr('y', strings.Join(lines, "\r\n"))
}

func (c *conformance) act(m *milter.Modifier, text string, verdict milter.Response) milter.Response {
	word, rest := takeWord(text)
	first, last := takeWord(rest)
	number, _ := strconv.Atoi(first)
	switch word {
	case "add":
		m.AddHeader(first, last)
	case "insert", "change":
		name, value := takeWord(last)
		if word == "insert" {
			m.InsertHeader(number, name, value)
		} else {
			m.ChangeHeader(number, name, value)
		}
	case "delete":
		m.ChangeHeader(number, last, "")
	case "delete-all":
		for n := c.count(rest); n > 0; n-- {
			m.ChangeHeader(n, rest, "")
		}
	case "body":
		m.ReplaceBody([]byte(rest + "\r\n"))
	case "bigbody":
		m.ReplaceBody(makeLines(number))
	case "bigheader":
		m.AddHeader("X-Big", strings.Repeat("x", number))
	case "quarantine":
		m.Quarantine(rest)
	case "addrcpt":
		m.AddRecipient(bare(rest))
	case "delrcpt":
		m.DeleteRecipient(bare(rest))
	case "from":
		m.ChangeFrom(first)
	case "tell":
		m.AddHeader("X-Told", rest+" = "+c.told(m, rest))
	case "reply":
		if rest != "" {
			return makeReply(rest)
		}
		return verdicts[word]
	default:
		if found, ok := verdicts[word]; ok {
			return found
		}
	}
	return verdict
}

func listen(spec string) (net.Listener, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	if kind == "unix" {
		return net.Listen("unix", rest)
	}
	port, host, _ := strings.Cut(rest, "@")
	return net.Listen("tcp", net.JoinHostPort(host, port))
}

func main() {
	listener, err := listen(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := milter.Server{
		NewMilter: func() milter.Milter { return &conformance{} },
		Actions: milter.OptAddHeader | milter.OptChangeBody | milter.OptAddRcpt | milter.OptRemoveRcpt |
			milter.OptChangeHeader | milter.OptQuarantine | milter.OptChangeFrom,
	}
	log.Fatal(server.Serve(listener))
}
