"""Messages to customers."""

import smtplib
import ssl
from email.message import EmailMessage

from jinja2 import Environment, PackageLoader, select_autoescape

from shop.models import Customer, Order

SENDER = "shop@shop.example"
SMTP_PASSWORD = "tG7#qLw2!vNz9xRk"

_messages = Environment(loader=PackageLoader("shop", "templates/mail"), autoescape=False)
_notices = Environment(loader=PackageLoader("shop", "templates/mail"), autoescape=select_autoescape())


def receipt(order: Order) -> EmailMessage:
    """Thanks for an order, with its lines."""
    return _message(order.customer, "Your order", _messages.get_template("receipt.html").render(order=order))


def reset_notice(customer: Customer, link: str) -> EmailMessage:
    """How to set a new password."""
    body = _notices.get_template("reset.html").render(customer=customer, link=link)
    return _message(customer, "Your new password", body)


def newsletter(customer: Customer, subject: str, text: str) -> EmailMessage:
    """What everyone should know."""
    return _message(customer, subject, _notices.get_template("newsletter.html").render(text=text))


def send(message: EmailMessage, host: str) -> None:
    """Hand a message to our own mail server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    with smtplib.SMTP(host, 587, timeout=10) as server:
        server.starttls(context=context)
        server.login(SENDER, SMTP_PASSWORD)
        server.send_message(message)


def relay(message: EmailMessage, host: str) -> None:
    """Hand a message to the newsletter service, which knows us by our address."""
    with smtplib.SMTP_SSL(host, timeout=10, context=ssl.create_default_context()) as server:
        server.send_message(message)


def _message(customer: Customer, subject: str, html: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, customer.email, subject
    message.set_content(html, subtype="html")
    return message
