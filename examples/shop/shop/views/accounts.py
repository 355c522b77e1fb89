"""Registering, signing in, and new passwords."""

import hmac

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from sqlalchemy import select
from werkzeug.wrappers import Response

from shop.database import current_session
from shop.models import Customer
from shop.services import mail, passwords
from shop.settings import current_settings

blueprint = Blueprint("accounts", __name__)

_YEAR = 365 * 24 * 3600


def current_customer() -> Customer | None:
    """Who is signed in, by this visit or by the cookie of an earlier one."""
    if "customer" in session:
        return current_session().get(Customer, session["customer"])
    token = request.cookies.get("remember")
    if token is None:
        return None
    digest = passwords.digest_token(token)
    return current_session().scalar(select(Customer).where(Customer.remember_digest == digest))


def required_customer() -> Customer:
    """Who is signed in; answers 401 where nobody is."""
    return current_customer() or abort(401)


@blueprint.route("/register", methods=["GET", "POST"])
def register() -> str | Response:
    """Open an account."""
    if request.method == "GET":
        return render_template("credentials.html", title="Register")
    email, password = request.form["email"], request.form["password"]
    if _customer_of(email):
        flash("There is an account with this address.")
        return redirect(url_for("accounts.login"))
    salt = passwords.new_salt()
    customer = Customer(email=email, salt=salt, password_hash=passwords.hash_password(password, salt))
    current_session().add(customer)
    current_session().commit()
    session["customer"] = customer.id
    return redirect(url_for("catalogue.index"))


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Sign in, for this visit or (``remember``) for a year."""
    if request.method == "GET":
        return render_template("credentials.html", title="Sign in")
    customer = _customer_of(request.form["email"])
    if not customer or not passwords.verify_password(request.form["password"], customer.salt, customer.password_hash):
        flash("Wrong address or password.")
        return redirect(url_for("accounts.login"))
    session["customer"] = customer.id
    answer = make_response(redirect(url_for("catalogue.index")))
    if "remember" in request.form:
        token = passwords.new_remember_token()
        customer.remember_digest = passwords.digest_token(token)
        current_session().commit()
        answer.set_cookie("remember", token, max_age=_YEAR)
    return answer


@blueprint.post("/logout")
def logout() -> Response:
    """Sign out, here and on every other device."""
    customer = required_customer()
    customer.remember_digest = None
    current_session().commit()
    session.clear()
    answer = make_response(redirect(url_for("catalogue.index")))
    answer.delete_cookie("remember")
    return answer


@blueprint.post("/forgot")
def forgot() -> Response:
    """Send a link with which a new password can be set."""
    customer = _customer_of(request.form["email"])
    if customer:
        customer.reset_token = passwords.new_reset_token()
        current_session().commit()
        link = url_for("accounts.reset", _external=True, customer_id=customer.id, token=customer.reset_token)
        _send_reset(customer, link)
    flash("If there is an account with this address, a message is on its way.")
    return redirect(url_for("accounts.login"))


@blueprint.route("/reset/<int:customer_id>/<token>", methods=["GET", "POST"])
def reset(customer_id: int, token: str) -> str | Response:
    """Set a new password with a link from a message."""
    customer = current_session().get(Customer, customer_id)
    if not customer or not customer.reset_token or not hmac.compare_digest(customer.reset_token, token):
        abort(404)
    if request.method == "GET":
        return render_template("reset.html")
    customer.password_hash = passwords.hash_password(request.form["password"], customer.salt)
    customer.reset_token = None
    current_session().commit()
    return redirect(url_for("accounts.login"))


def _customer_of(email: str) -> Customer | None:
    return current_session().scalar(select(Customer).where(Customer.email == email))


def _send_reset(customer: Customer, link: str) -> None:
    settings = current_settings()
    if settings.online:
        mail.send(mail.reset_notice(customer, link), settings.mail_host)
    else:
        current_app.logger.info("not online: a reset message to customer %s was not sent", customer.id)
